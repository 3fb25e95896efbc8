#include "rules/trust/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/descriptor.h"
#include "rules/bundle/new_file.h"

namespace schoolgate::rules {
namespace {

using platform::Descriptor;

absl::Status Failed(const std::string& path, const char* what) {
  return SystemError(path, absl::StrCat("cannot ", what), errno);
}

absl::Status CheckPlain(int fd, const std::string& path) {
  struct stat facts;
  if (fstat(fd, &facts) != 0) return Failed(path, "look at it");
  if (!S_ISREG(facts.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a plain file: give a file"));
  }
  return absl::OkStatus();
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return Failed(path, "write");
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) != 0) return Failed(folder, "sync");
  return absl::OkStatus();
}

absl::Status CopyBytes(int in, const std::string& from, int out,
                       const std::string& to, uint64_t limit_bytes) {
  std::vector<char> block(1 << 18);
  uint64_t left = limit_bytes;
  while (true) {
    const ssize_t got = read(in, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed(from, "read");
    if (got == 0) return absl::OkStatus();
    const auto size = static_cast<uint64_t>(got);
    if (size > left) {
      return absl::ResourceExhaustedError(
          absl::StrCat(from, ": longer than the ", limit_bytes,
                       " bytes that a device takes"));
    }
    left -= size;
    absl::Status status = WriteAll(out, {block.data(), size}, to);
    if (!status.ok()) return status;
  }
}

}  // namespace

absl::Status CopyFile(const std::string& from, const std::string& to,
                      uint64_t limit_bytes) {
  // Without O_NONBLOCK a named pipe would hang us.
  const Descriptor in(open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (in.get() < 0) return Failed(from, "open");
  absl::Status status = CheckPlain(in.get(), from);
  if (!status.ok()) return status;
  unlink(to.c_str());
  const Descriptor out(open(
      to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (out.get() < 0) return Failed(to, "write");
  status = CopyBytes(in.get(), from, out.get(), to, limit_bytes);
  if (!status.ok()) unlink(to.c_str());
  return status;
}

absl::Status RenameDurably(const std::string& from, const std::string& to) {
  {
    const Descriptor fd(open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0 || fsync(fd.get()) != 0) return Failed(from, "sync");
  }
  if (rename(from.c_str(), to.c_str()) != 0) return Failed(to, "replace");
  return SyncFolderOf(to);
}

absl::Status LinkDurably(const std::string& from, const std::string& to) {
  const std::string beside = to + ".link";
  unlink(beside.c_str());
  if (link(from.c_str(), beside.c_str()) != 0) return Failed(to, "link");
  return RenameDurably(beside, to);
}

void RemoveFile(const std::string& path) { unlink(path.c_str()); }

bool FileExists(const std::string& path) {
  struct stat facts;
  return lstat(path.c_str(), &facts) == 0;
}

}  // namespace schoolgate::rules
