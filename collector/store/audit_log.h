// Who did and saw what. Append-only and hash-chained: an offline verifier
// finds any edit or deletion.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

struct AuditEntry {
  uint64_t number = 0;  // 1, 2, 3, ... without a hole
  absl::Time time;
  std::string who;     // account, or "system"
  std::string action;  // view_alert, acknowledge, log_in, enrol, publish...
  std::string about;   // alert id, device, pseudonym
  std::string detail;
  std::string hash;  // BLAKE2b-256 over the previous hash and all above
};

// Thread-safe.
class AuditLog {
 public:
  virtual ~AuditLog() = default;

  // Fills number, hash. Durable when OK.
  virtual absl::Status Append(AuditEntry entry) = 0;

  virtual absl::StatusOr<std::vector<AuditEntry>> Read(uint64_t after,
                                                       size_t limit) = 0;

  // Entries about exactly this, oldest first.
  virtual absl::StatusOr<std::vector<AuditEntry>> About(
      const std::string& about, size_t limit);

  // DATA_LOSS names the first entry that does not follow from the one before.
  virtual absl::Status Verify() = 0;
};

absl::StatusOr<std::unique_ptr<AuditLog>> OpenSqliteAuditLog(
    const std::string& file);

}  // namespace schoolgate::collector
