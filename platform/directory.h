// Files of one folder, as a capability: who holds a Directory can reach
// nothing outside it. The real one, and one in memory that loses power
// (platform/sim/memory_directory.h).
//
// Failures, everywhere below: NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
// RESOURCE_EXHAUSTED (no space, no inodes, quota), UNAVAILABLE (the device
// failed, or is read-only).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::platform {

// An open file. Not thread-safe. Closed by its destructor, without a sync.
class File {
 public:
  virtual ~File() = default;

  // Reads up to `into.size()` bytes; fewer only at the end of the file.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset,
                                        std::span<char> into) = 0;
  // On failure any part may have been written.
  virtual absl::Status WriteAt(uint64_t offset, std::string_view bytes) = 0;
  // Claims space for `bytes` from the start without growing the file, so that
  // writes below cannot run out of it. OK where the file system cannot.
  virtual absl::Status Reserve(uint64_t bytes) = 0;
  // Also gives back what was reserved beyond.
  virtual absl::Status Truncate(uint64_t bytes) = 0;
  // Bytes, and the size, are durable when this is OK. After a failure nobody
  // knows which are: write them again elsewhere.
  virtual absl::Status Sync() = 0;
  virtual absl::StatusOr<uint64_t> Size() = 0;
};

enum class OpenMode {
  kRead,
  kReadWrite,     // must exist
  kCreate,        // must not exist; read and write
  kCreateShared,  // as kCreate, and the file's group may write too
};

// Names have no slash. Not thread-safe.
class Directory {
 public:
  virtual ~Directory() = default;

  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& name,
                                                     OpenMode mode) = 0;
  virtual absl::StatusOr<std::vector<std::string>> List() = 0;  // sorted
  virtual absl::Status Remove(const std::string& name) = 0;
  // Replaces `to` when it is there.
  virtual absl::Status Rename(const std::string& from,
                              const std::string& to) = 0;
  // What was created, renamed and removed is durable when this is OK.
  virtual absl::Status Sync() = 0;
};

// Opens a folder, making it (mode 0750) where it is missing. New files get
// `file_mode`.
absl::StatusOr<std::unique_ptr<Directory>> OpenDirectory(
    const std::string& path, unsigned file_mode = 0640);

}  // namespace schoolgate::platform
