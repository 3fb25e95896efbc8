// A file's bytes, mapped read-only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace schoolgate::rules {

// Immutable and thread-safe. The bytes stay valid as long as the object. A
// file that somebody truncates in place while it is mapped kills the process
// (SIGBUS): bundles are only ever replaced by rename.
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

  // Lets go of the memory of the whole pages in `part`; touched again, they
  // are read again.
  void Forget(std::span<const uint8_t> part) const;

 private:
  explicit MappedFile(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  std::span<const uint8_t> bytes_;
};

}  // namespace schoolgate::rules
