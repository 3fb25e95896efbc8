// A file that appears under its name only when it is whole.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace schoolgate::rules {

// Writes to a temporary file beside `path`; Commit syncs it and renames it
// over `path`. Without Commit the old file stays and the temporary one goes.
// Not thread-safe.
class NewFile {
 public:
  static absl::StatusOr<std::unique_ptr<NewFile>> Create(
      const std::string& path, int mode = 0644);

  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  // After a failure every later call fails the same way.
  absl::Status Append(std::span<const uint8_t> bytes);
  absl::Status Append(std::string_view bytes);
  absl::Status Commit();

  uint64_t size() const { return size_; }

 private:
  NewFile(std::string path, std::string temporary, int fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}
  absl::Status Flush();

  std::string path_;
  std::string temporary_;
  int fd_;
  uint64_t size_ = 0;
  std::string pending_;
  absl::Status failure_;
};

// "PATH: WHAT: the system's reason: what to do", with the matching code.
absl::Status SystemError(std::string_view path, std::string_view what,
                         int error);

// Reads a whole file of at most `limit` bytes. RESOURCE_EXHAUSTED above.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                          uint64_t limit);

}  // namespace schoolgate::rules
