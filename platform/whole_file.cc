#include "platform/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "platform/descriptor.h"

namespace schoolgate::platform {
namespace {

absl::Status Failed(const std::string& path, std::string_view what, int error) {
  std::string message =
      path + ": " + std::string(what) + ": " + std::strerror(error);
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(message + ": check the path");
    case EEXIST:
      return absl::AlreadyExistsError(message + ": choose another name");
    case EISDIR:
      return absl::InvalidArgumentError(message + ": name a file");
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message +
                                         ": run as root or fix its owner");
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(message + ": make room on the disk");
    default:
      return absl::UnavailableError(message + ": check the disk");
  }
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return Failed(path, "cannot write", errno);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(fd) != 0) return Failed(path, "cannot write", errno);
  return absl::OkStatus();
}

void SyncParent(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string parent =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  Descriptor directory(
      open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a directory; the rename itself stands.
  if (directory.get() >= 0) (void)fsync(directory.get());
}

// Writes a new file beside `path` and returns its name.
absl::StatusOr<std::string> WriteBeside(const std::string& path,
                                        std::string_view bytes, mode_t mode) {
  std::string beside = path + ".XXXXXX";
  Descriptor file(mkostemp(beside.data(), O_CLOEXEC));
  if (file.get() < 0) return Failed(path, "cannot create", errno);
  absl::Status status;
  if (fchmod(file.get(), mode) != 0) {
    status = Failed(path, "cannot set its mode", errno);
  } else {
    status = WriteAll(file.get(), bytes, path);
  }
  if (!status.ok()) {
    unlink(beside.c_str());
    return status;
  }
  return beside;
}

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                          size_t limit_bytes) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return Failed(path, "cannot open", errno);
  std::string bytes;
  char chunk[16384];
  for (;;) {
    const ssize_t got = read(file.get(), chunk, sizeof chunk);
    if (got < 0) {
      if (errno == EINTR) continue;
      return Failed(path, "cannot read", errno);
    }
    if (got == 0) return bytes;
    if (static_cast<size_t>(got) > limit_bytes - bytes.size()) {
      return absl::OutOfRangeError(path + ": longer than " +
                                   std::to_string(limit_bytes) + " bytes");
    }
    bytes.append(chunk, static_cast<size_t>(got));
  }
}

absl::Status ReplaceFile(const std::string& path, std::string_view bytes,
                         mode_t mode) {
  auto beside = WriteBeside(path, bytes, mode);
  if (!beside.ok()) return beside.status();
  if (rename(beside->c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(beside->c_str());
    return Failed(path, "cannot replace", error);
  }
  SyncParent(path);
  return absl::OkStatus();
}

absl::Status CreateFile(const std::string& path, std::string_view bytes,
                        mode_t mode) {
  auto beside = WriteBeside(path, bytes, mode);
  if (!beside.ok()) return beside.status();
  const int linked = link(beside->c_str(), path.c_str());
  const int error = errno;
  unlink(beside->c_str());
  if (linked != 0) return Failed(path, "cannot create", error);
  SyncParent(path);
  return absl::OkStatus();
}

}  // namespace schoolgate::platform
