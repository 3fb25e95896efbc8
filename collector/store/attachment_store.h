// Files that people attached to cases. What is in them is sealed before it
// comes here: whoever reads the store sees sizes and types alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

struct Attachment {
  uint64_t id = 0;  // random: tells nothing about others
  uint64_t alert = 0;
  std::string name;    // sealed
  std::string type;    // "image/png"
  uint64_t bytes = 0;  // of what is sealed
  std::string hash;    // BLAKE2b-256 of it, hexadecimal
  std::string added_by;
  absl::Time added;
  std::string sealed;  // empty in lists

  bool operator==(const Attachment&) const = default;
};

// Thread-safe. Durable when OK.
class AttachmentStore {
 public:
  virtual ~AttachmentStore() = default;

  virtual absl::Status Put(const Attachment& attachment) = 0;
  virtual absl::StatusOr<Attachment> Get(uint64_t id) = 0;  // NOT_FOUND
  // Oldest first, without what is in them.
  virtual absl::StatusOr<std::vector<Attachment>> Of(uint64_t alert) = 0;
  virtual absl::Status Remove(uint64_t id) = 0;
  // Erases those of alerts that are no more; returns how many.
  virtual absl::StatusOr<uint64_t> DropOrphans() = 0;
};

// In the file of the alerts.
absl::StatusOr<std::unique_ptr<AttachmentStore>> OpenSqliteAttachmentStore(
    const std::string& file);

}  // namespace schoolgate::collector
