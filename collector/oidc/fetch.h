// One HTTPS request to a provider, and its whole answer.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::collector {

struct FetchCall {
  std::string url;
  std::string form;           // posted when not empty
  std::string authorization;  // of the header; empty: none
  std::string ca_file;        // empty: the system's authorities
};

struct Fetched {
  long status = 0;
  std::string body;
};

// Thread-safe; takes 15 seconds at most. UNAVAILABLE: no answer, or one that
// is too large. A redirect is an answer like another: it is not followed.
using Fetch = std::function<absl::StatusOr<Fetched>(const FetchCall& call)>;

Fetch CurlFetch();

// INVALID_ARGUMENT: not https://, nor http:// to this very machine.
absl::Status CheckFetchUrl(const std::string& url);

}  // namespace schoolgate::collector
