// Tells that something in a folder changed, without asking all the time.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace schoolgate::platform {

// Not thread-safe.
class FolderWatch {
 public:
  // NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED (too many watches), each
  // naming the folder.
  static absl::StatusOr<std::unique_ptr<FolderWatch>> Open(
      const std::string& path);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // Readable (poll) when something was written, created, renamed or removed.
  int descriptor() const { return fd_; }
  // Forgets what has happened so far. True when anything had.
  bool Drain();

 private:
  explicit FolderWatch(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace schoolgate::platform
