#include "platform/folder_watch.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cstring>

namespace schoolgate::platform {

absl::StatusOr<std::unique_ptr<FolderWatch>> FolderWatch::Open(
    const std::string& path) {
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  const std::string failed = path + ": cannot be watched: ";
  if (fd < 0) {
    return absl::ResourceExhaustedError(failed + std::strerror(errno));
  }
  std::unique_ptr<FolderWatch> watch(new FolderWatch(fd));
  if (inotify_add_watch(
          fd, path.c_str(),
          IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) >= 0) {
    return watch;
  }
  const std::string message = failed + std::strerror(errno);
  if (errno == ENOENT) return absl::NotFoundError(message);
  if (errno == EACCES) return absl::PermissionDeniedError(message);
  return absl::ResourceExhaustedError(message);
}

FolderWatch::~FolderWatch() { close(fd_); }

bool FolderWatch::Drain() {
  char buffer[4096];
  bool any = false;
  while (read(fd_, buffer, sizeof buffer) > 0) any = true;
  return any;
}

}  // namespace schoolgate::platform
