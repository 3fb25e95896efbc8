// A request by libcurl with what all of ours have in common: few seconds,
// TLS 1.2 or later, no redirects followed, and its error in words.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "absl/status/status.h"

namespace schoolgate::collector {

struct CurlEnds {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, CurlEnds>;
using CurlList = std::unique_ptr<curl_slist, CurlEnds>;

void AddLine(CurlList* list, const std::string& line);

// Null when libcurl cannot start. `protocols` as of CURLOPT_PROTOCOLS_STR;
// `ca_file` empty: the system's authorities. `error`: CURL_ERROR_SIZE bytes
// that outlive the handle. Thread-safe.
CurlHandle BeginCurl(const std::string& url, const char* protocols,
                     const std::string& ca_file, char* error);

// UNAVAILABLE with libcurl's own words unless all went well.
absl::Status CurlOutcome(CURLcode code, const char* error);

}  // namespace schoolgate::collector
