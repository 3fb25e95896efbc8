// A small HTTP server for programs that watch the collector: figures and
// health, nothing that needs a log-in and nothing about a person.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace schoolgate::collector {

struct ScrapeAnswer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

// Closed by its destructor.
class ScrapeServer {
 public:
  static constexpr unsigned kMostConnections = 64;

  // Answers GET and HEAD of a path, on the server's own thread, one at a
  // time. A status of 404 is for paths it does not know.
  using Answer = std::function<ScrapeAnswer(const std::string& path)>;

  // `host` in numbers; port 0: any free one. INVALID_ARGUMENT: not an
  // address. UNAVAILABLE: cannot be had.
  static absl::StatusOr<std::unique_ptr<ScrapeServer>> Start(
      const std::string& host, uint16_t port, Answer answer);
  virtual ~ScrapeServer() = default;

  virtual uint16_t port() const = 0;
};

}  // namespace schoolgate::collector
