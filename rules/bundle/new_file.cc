#include "rules/bundle/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kPendingLimit = 256 << 10;

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

absl::Status SystemError(std::string_view path, std::string_view what,
                         int error) {
  const std::string head =
      absl::StrCat(absl::string_view(path.data(), path.size()), ": ",
                   absl::string_view(what.data(), what.size()), ": ",
                   std::strerror(error), ": ");
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(head + "check the path");
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(head + "check who may use it");
    case EEXIST:
      return absl::AlreadyExistsError(head + "choose another name");
    case EISDIR:
      return absl::InvalidArgumentError(head + "name a file");
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(head + "make room and try again");
    default:
      return absl::UnavailableError(head + "check the disk and try again");
  }
}

absl::StatusOr<std::unique_ptr<NewFile>> NewFile::Create(
    const std::string& path, int mode) {
  std::string temporary = path + ".new-XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return SystemError(path, "cannot be written", errno);
  if (fchmod(fd, static_cast<mode_t>(mode)) != 0) {
    const int error = errno;
    close(fd);
    unlink(temporary.c_str());
    return SystemError(path, "cannot be written", error);
  }
  return std::unique_ptr<NewFile>(new NewFile(path, std::move(temporary), fd));
}

NewFile::~NewFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

absl::Status NewFile::Flush() {
  std::string_view rest = pending_;
  while (!rest.empty() && failure_.ok()) {
    const ssize_t written = write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      failure_ = SystemError(path_, "cannot be written", errno);
      break;
    }
    rest.remove_prefix(static_cast<size_t>(written));
  }
  pending_.clear();
  return failure_;
}

absl::Status NewFile::Append(std::span<const uint8_t> bytes) {
  if (!failure_.ok()) return failure_;
  size_ += bytes.size();
  while (!bytes.empty()) {
    const size_t part = std::min(bytes.size(), kPendingLimit - pending_.size());
    pending_.append(bytes.begin(), bytes.begin() + part);
    bytes = bytes.subspan(part);
    if (pending_.size() < kPendingLimit) break;
    if (auto status = Flush(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status NewFile::Append(std::string_view bytes) {
  return Append(std::span<const uint8_t>(
      reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

absl::Status NewFile::Commit() {
  if (auto status = Flush(); !status.ok()) return status;
  if (fsync(fd_) != 0 || close(std::exchange(fd_, -1)) != 0) {
    failure_ = SystemError(path_, "cannot be written", errno);
    return failure_;
  }
  if (rename(temporary_.c_str(), path_.c_str()) != 0) {
    failure_ = SystemError(path_, "cannot be replaced", errno);
    return failure_;
  }
  temporary_.clear();
  const int folder =
      open(FolderOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                          uint64_t limit) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, "cannot be opened", errno);
  std::string bytes;
  char part[64 << 10];
  while (bytes.size() <= limit) {
    const ssize_t got = read(fd, part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      close(fd);
      return SystemError(path, "cannot be read", error);
    }
    if (got == 0) break;
    bytes.append(part, static_cast<size_t>(got));
  }
  close(fd);
  if (bytes.size() > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": is larger than ", limit,
                     " bytes: split it or check that it is the right file"));
  }
  return bytes;
}

}  // namespace schoolgate::rules
