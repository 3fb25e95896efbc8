// A file's bytes, mapped read-only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace schoolgate::rules {

// Immutable and thread-safe. The bytes stay valid as long as the object. A
// page that cannot be read any more, because the disk fails or somebody cut
// the file short in place, reads as zeros from then on and is counted: it
// does not kill the process, as SIGBUS otherwise would. For this the first
// file installs a handler of SIGBUS, which leaves every other cause to the
// one before it.
class MappedFile {
 public:
  // Random access is assumed: no read-ahead beyond what is touched.
  // NOT_FOUND, PERMISSION_DENIED or INVALID_ARGUMENT, naming the file.
  static absl::StatusOr<std::unique_ptr<MappedFile>> Open(
      const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const uint8_t> bytes() const { return bytes_; }

  // How many pages could not be read when they were needed.
  uint64_t lost_pages() const {
    return lost_pages_.load(std::memory_order_relaxed);
  }

  // Lets go of the memory of the whole pages in `part`; touched again, they
  // are read again.
  void Forget(std::span<const uint8_t> part) const;

 private:
  explicit MappedFile(std::span<const uint8_t> bytes);

  std::span<const uint8_t> bytes_;
  std::atomic<uint64_t> lost_pages_ = 0;
};

}  // namespace schoolgate::rules
