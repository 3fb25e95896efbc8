// Notices that the machine's network has changed: an interface or an address
// came or went.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

namespace schoolgate::platform {

// A resource. Not thread-safe.
class NetworkChanges {
 public:
  static absl::StatusOr<std::unique_ptr<NetworkChanges>> Open();

  ~NetworkChanges();
  NetworkChanges(const NetworkChanges&) = delete;
  NetworkChanges& operator=(const NetworkChanges&) = delete;

  // Whether something changed since the last call. Never waits.
  bool Any();

 private:
  explicit NetworkChanges(int socket) : socket_(socket) {}

  const int socket_;
};

}  // namespace schoolgate::platform
