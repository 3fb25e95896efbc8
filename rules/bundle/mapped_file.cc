#include "rules/bundle/mapped_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>

#include "platform/check.h"
#include "rules/bundle/new_file.h"

namespace schoolgate::rules {
namespace {

// What the handler may touch: no locks, no memory of its own.
struct Watched {
  std::atomic<uintptr_t> begin = 0;  // 0: free
  std::atomic<uintptr_t> end = 0;
  std::atomic<std::atomic<uint64_t>*> lost = nullptr;
};

// Far more than a program has open. A file beyond is mapped all the same.
constexpr size_t kWatchedLimit = 256;
std::array<Watched, kWatchedLimit> watched;
std::mutex watching;
uintptr_t page_bytes = 0;
struct sigaction before = {};
static_assert(std::atomic<uintptr_t>::is_always_lock_free);

// Puts a page of zeros where the file's cannot be had.
bool ReplacePage(uintptr_t at) {
  for (Watched& one : watched) {
    const uintptr_t begin = one.begin.load(std::memory_order_acquire);
    if (begin == 0 || at < begin || at >= one.end.load()) continue;
    auto* page = reinterpret_cast<void*>(at / page_bytes * page_bytes);
    if (mmap(page, page_bytes, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
      return false;
    }
    one.lost.load()->fetch_add(1);
    return true;
  }
  return false;
}

void OnBusError(int, siginfo_t* info, void*) {
  const int error = errno;
  const bool is_fault = info->si_code > 0;  // not sent by somebody
  if (!is_fault || !ReplacePage(reinterpret_cast<uintptr_t>(info->si_addr))) {
    sigaction(SIGBUS, &before, nullptr);
    if (!is_fault) raise(SIGBUS);  // a fault comes again by itself
  }
  errno = error;
}

void Watch(std::span<const uint8_t> bytes, std::atomic<uint64_t>* lost) {
  const std::lock_guard<std::mutex> lock(watching);
  if (page_bytes == 0) {
    page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    struct sigaction action = {};
    action.sa_sigaction = OnBusError;
    action.sa_flags = SA_SIGINFO;
    SG_CHECK(sigaction(SIGBUS, &action, &before) == 0);
  }
  for (Watched& one : watched) {
    if (one.begin.load() != 0) continue;
    const auto begin = reinterpret_cast<uintptr_t>(bytes.data());
    one.lost.store(lost);
    one.end.store(begin + bytes.size());
    one.begin.store(begin, std::memory_order_release);
    return;
  }
}

void Unwatch(std::span<const uint8_t> bytes) {
  const std::lock_guard<std::mutex> lock(watching);
  for (Watched& one : watched) {
    if (one.begin.load() == reinterpret_cast<uintptr_t>(bytes.data())) {
      one.begin.store(0);
    }
  }
}

}  // namespace

MappedFile::MappedFile(std::span<const uint8_t> bytes) : bytes_(bytes) {
  Watch(bytes_, &lost_pages_);
}

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
  Unwatch(bytes_);
  munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace schoolgate::rules
