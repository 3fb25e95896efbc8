#include "rules/bundle/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "rules/bundle/new_file.h"

namespace schoolgate::rules {

absl::StatusOr<std::unique_ptr<MappedFile>> MappedFile::Open(
    const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, "cannot be opened", errno);
  struct stat facts = {};
  if (fstat(fd, &facts) != 0) {
    const int error = errno;
    close(fd);
    return SystemError(path, "cannot be examined", error);
  }
  if (!S_ISREG(facts.st_mode) || facts.st_size == 0) {
    close(fd);
    return absl::InvalidArgumentError(
        path + ": is not a file with anything in it: name another file");
  }
  const auto size = static_cast<size_t>(facts.st_size);
  void* at = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  const int error = errno;
  close(fd);
  if (at == MAP_FAILED) return SystemError(path, "cannot be mapped", error);
  madvise(at, size, MADV_RANDOM);
  return std::unique_ptr<MappedFile>(new MappedFile(
      std::span<const uint8_t>(static_cast<const uint8_t*>(at), size)));
}

void MappedFile::Forget(std::span<const uint8_t> part) const {
  if (part.data() < bytes_.data() ||
      part.data() + part.size() > bytes_.data() + bytes_.size()) {
    return;
  }
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto from = static_cast<size_t>(part.data() - bytes_.data());
  const size_t begin = (from + page - 1) / page * page;
  const size_t end = (from + part.size()) / page * page;
  if (begin >= end) return;
  madvise(const_cast<uint8_t*>(bytes_.data()) + begin, end - begin,
          MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace schoolgate::rules
