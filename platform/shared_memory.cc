#include "platform/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace schoolgate::platform {

absl::StatusOr<SharedMemory> SharedMemory::Make(size_t bytes) {
  const int descriptor =
      memfd_create("schoolgate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) {
    return absl::ErrnoToStatus(errno, "shared memory: cannot be made");
  }
  if (ftruncate(descriptor, static_cast<off_t>(bytes)) != 0 ||
      fcntl(descriptor, F_ADD_SEALS,
            F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    const int why = errno;
    close(descriptor);
    return absl::ErrnoToStatus(why, "shared memory: cannot be sized");
  }
  return Map(descriptor, bytes);
}

absl::StatusOr<SharedMemory> SharedMemory::Map(int descriptor, size_t bytes) {
  struct stat about {};
  if (fstat(descriptor, &about) != 0 ||
      about.st_size != static_cast<off_t>(bytes)) {
    close(descriptor);
    return absl::InvalidArgumentError(
        "shared memory: not of the size expected");
  }
  void* at =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (at == MAP_FAILED) {
    const int why = errno;
    close(descriptor);
    return absl::ErrnoToStatus(why, "shared memory: cannot be mapped");
  }
  return SharedMemory(descriptor, {static_cast<std::byte*>(at), bytes});
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      bytes_(std::exchange(other.bytes_, {})) {}

SharedMemory::~SharedMemory() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace schoolgate::platform
