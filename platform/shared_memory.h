// Memory that two processes see, of a size that neither can change.
#pragma once

#include <cstddef>
#include <span>

#include "absl/status/statusor.h"

namespace schoolgate::platform {

// Owned once: the destructor unmaps and closes. What the other process has
// mapped stays its own.
class SharedMemory {
 public:
  // Zeroed. The size is sealed, so that the other side cannot cut it off under
  // our feet.
  static absl::StatusOr<SharedMemory> Make(size_t bytes);

  // Maps what `descriptor` (taken over) holds. INVALID_ARGUMENT when that is
  // not `bytes` long.
  static absl::StatusOr<SharedMemory> Map(int descriptor, size_t bytes);

  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&&) = delete;
  ~SharedMemory();

  std::span<std::byte> bytes() const { return bytes_; }
  int descriptor() const { return descriptor_; }

 private:
  SharedMemory(int descriptor, std::span<std::byte> bytes)
      : descriptor_(descriptor), bytes_(bytes) {}

  int descriptor_ = -1;
  std::span<std::byte> bytes_;
};

}  // namespace schoolgate::platform
