#include "collector/fleet/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr char kCannotRead[] = "cannot read";
constexpr char kCannotWrite[] = "cannot write";
constexpr char kCannotMake[] = "cannot be made";

// `what` could not be done, such as "cannot write".
absl::Status Explain(const std::string& path, const char* what, int error) {
  const std::string words =
      absl::StrCat(path, ": ", what, ": ", strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(absl::StrCat(words, ": check the path"));
    case ENOTDIR:
      return absl::InvalidArgumentError(
          absl::StrCat(words, ": check the path"));
    case EISDIR:
      return absl::InvalidArgumentError(absl::StrCat(words, ": name a file"));
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(absl::StrCat(
          words, ": run as the user that owns the data directory"));
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(
          absl::StrCat(words, ": free space on this disk"));
    default:
      return absl::UnavailableError(absl::StrCat(words, ": check the disk"));
  }
}

bool WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(file) == 0;
}

void SyncDirectoryOf(const std::string& path) {
  const std::string directory =
      std::filesystem::path(path).parent_path().string();
  const int file = open(directory.empty() ? "." : directory.c_str(),
                        O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  fsync(file);
  close(file);
}

}  // namespace

void BelongToFolder(const std::string& path) {
  if (geteuid() != 0) return;
  const std::string folder = std::filesystem::path(path).parent_path().string();
  struct stat about {};
  if (stat(folder.empty() ? "." : folder.c_str(), &about) != 0) return;
  // Whose it stays where this fails, the service will say.
  if (lchown(path.c_str(), about.st_uid, about.st_gid) != 0) return;
}

absl::Status WriteSecretFile(const std::string& path, std::string_view bytes) {
  const std::string draft = absl::StrCat(path, ".new");
  const int file =
      open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Explain(path, kCannotWrite, errno);
  const bool written = WriteAll(file, bytes);
  int error = errno;
  close(file);
  BelongToFolder(draft);
  if (written && rename(draft.c_str(), path.c_str()) == 0) {
    SyncDirectoryOf(path);
    return absl::OkStatus();
  }
  if (written) error = errno;
  unlink(draft.c_str());
  return Explain(path, kCannotWrite, error);
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Explain(path, kCannotRead, errno);
  std::string bytes;
  char block[16 * 1024];
  ssize_t got = 0;
  while ((got = read(file, block, sizeof block)) > 0 &&
         bytes.size() <= kMaxSmallFileBytes) {
    bytes.append(block, static_cast<size_t>(got));
  }
  const int error = errno;
  close(file);
  if (got < 0) return Explain(path, kCannotRead, error);
  if (bytes.size() > kMaxSmallFileBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": larger than 1 MB: not what belongs there"));
  }
  return bytes;
}

absl::Status MakePrivateDirectory(const std::string& path) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error) return Explain(path, kCannotMake, error.value());
  if (chmod(path.c_str(), 0700) != 0) return Explain(path, kCannotMake, errno);
  if (made) BelongToFolder(path);
  return absl::OkStatus();
}

}  // namespace schoolgate::collector
