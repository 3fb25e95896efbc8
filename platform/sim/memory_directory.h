// A folder in memory on a disk that can fill up, fail, and lose power: what
// was not synced is then lost, torn or reordered, as real disks do it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "platform/directory.h"

namespace schoolgate::platform {

enum class DiskOperation {
  kCreate,
  kOpen,
  kRead,
  kWrite,
  kReserve,
  kTruncate,
  kSyncFile,
  kSyncFolder,
  kRename,
  kRemove,
  kList
};

// The disk outlives the Directory objects that are opened on it. Not
// thread-safe.
class MemoryDisk {
 public:
  MemoryDisk();
  ~MemoryDisk();

  std::unique_ptr<Directory> OpenRoot();

  // Asked before each operation; an error other than OK is what the operation
  // answers (a failed write leaves half of its bytes).
  using Fault =
      std::function<absl::Status(DiskOperation, const std::string& name)>;
  void SetFault(Fault fault);

  // Space and inodes that are left for what is written from now on.
  void SetFreeBytes(uint64_t bytes);
  void SetFreeInodes(uint64_t count);
  uint64_t free_bytes() const;

  // The machine loses power. What was synced stays; of the rest, each write
  // survives, is torn or is lost, whatever its order; renames and removals
  // survive up to some point. All open files and folders are dead after this.
  void LosePower(std::mt19937_64& random);

  // Flips one bit of a file, as rotten disks do. False when there is none.
  bool FlipBit(const std::string& name, uint64_t bit);

 private:
  friend class MemoryFile;
  friend class MemoryDirectory;
  struct World;
  std::shared_ptr<World> world_;
};

}  // namespace schoolgate::platform
