#include "platform/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace schoolgate::platform {
namespace {

absl::Status FromErrno(const std::string& name, std::string_view what,
                       int error) {
  const std::string message =
      name + ": " + std::string(what) + ": " + std::strerror(error);
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::UnavailableError(message);
  }
}

class PosixFile : public File {
 public:
  PosixFile(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}
  ~PosixFile() override { close(fd_); }

  absl::StatusOr<size_t> ReadAt(uint64_t offset,
                                std::span<char> into) override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = pread(fd_, into.data() + done, into.size() - done,
                                static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return FromErrno(name_, "cannot read", errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  absl::Status WriteAt(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t put =
          pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return FromErrno(name_, "cannot write", errno);
      bytes.remove_prefix(static_cast<size_t>(put));
      offset += static_cast<uint64_t>(put);
    }
    return absl::OkStatus();
  }

  absl::Status Reserve(uint64_t bytes) override {
    while (fallocate(fd_, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) !=
           0) {
      if (errno == EINTR) continue;
      if (errno == EOPNOTSUPP || errno == ENOSYS) return absl::OkStatus();
      return FromErrno(name_, "cannot reserve space", errno);
    }
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t bytes) override {
    if (ftruncate(fd_, static_cast<off_t>(bytes)) != 0) {
      return FromErrno(name_, "cannot truncate", errno);
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (fdatasync(fd_) != 0) return FromErrno(name_, "cannot sync", errno);
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() override {
    struct stat status {};
    if (fstat(fd_, &status) != 0) return FromErrno(name_, "cannot stat", errno);
    return static_cast<uint64_t>(status.st_size);
  }

 private:
  const std::string name_;
  const int fd_;
};

class PosixDirectory : public Directory {
 public:
  PosixDirectory(std::string path, int fd, unsigned file_mode)
      : path_(std::move(path)), fd_(fd), file_mode_(file_mode) {}
  ~PosixDirectory() override { close(fd_); }

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& name,
                                             OpenMode mode) override {
    int flags = O_CLOEXEC | O_NOFOLLOW;
    if (mode == OpenMode::kRead) flags |= O_RDONLY;
    if (mode == OpenMode::kReadWrite) flags |= O_RDWR;
    const bool create =
        mode == OpenMode::kCreate || mode == OpenMode::kCreateShared;
    if (create) flags |= O_RDWR | O_CREAT | O_EXCL;
    const unsigned permissions =
        mode == OpenMode::kCreateShared ? file_mode_ | 0020 : file_mode_;
    const int fd = openat(fd_, name.c_str(), flags, permissions);
    if (fd < 0) return FromErrno(Full(name), "cannot open", errno);
    // The umask of whoever started us must not hide the spool's files from
    // the uplink's group.
    if (create) (void)fchmod(fd, permissions);
    return std::make_unique<PosixFile>(Full(name), fd);
  }

  absl::StatusOr<std::vector<std::string>> List() override {
    const int fd = openat(fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return FromErrno(path_, "cannot list", errno);
    DIR* stream = fdopendir(fd);
    if (stream == nullptr) {
      const int error = errno;
      close(fd);
      return FromErrno(path_, "cannot list", error);
    }
    std::vector<std::string> names;
    while (const dirent* entry = readdir(stream)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    closedir(stream);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status Remove(const std::string& name) override {
    if (unlinkat(fd_, name.c_str(), 0) != 0) {
      return FromErrno(Full(name), "cannot remove", errno);
    }
    return absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (renameat(fd_, from.c_str(), fd_, to.c_str()) != 0) {
      return FromErrno(Full(from), "cannot rename", errno);
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    // EINVAL: a file system that cannot, and needs not, sync a folder.
    if (fsync(fd_) != 0 && errno != EINVAL) {
      return FromErrno(path_, "cannot sync", errno);
    }
    return absl::OkStatus();
  }

 private:
  std::string Full(const std::string& name) const { return path_ + "/" + name; }

  const std::string path_;
  const int fd_;
  const unsigned file_mode_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(
    const std::string& path, unsigned file_mode) {
  if (mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    return FromErrno(path, "cannot make the folder", errno);
  }
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FromErrno(path, "cannot open the folder", errno);
  return std::make_unique<PosixDirectory>(path, fd, file_mode);
}

}  // namespace schoolgate::platform
