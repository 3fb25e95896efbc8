// Who did and saw what. Append-only, hash-chained, its last entry signed: an
// offline verifier finds any edit or deletion.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/seal/keys.h"

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

// Which entry is the last one, signed. Lies beside the entries, the newest
// alone: with an older one the end could be cut off unseen.
struct AuditHead {
  uint64_t number = 0;  // 0: of a new log
  std::string hash;     // of that entry
  absl::Time time;      // of that entry
  std::string key;      // public, 32 raw bytes
  std::string signature;
};

// By what the heads of a log are known. A value.
struct AuditKeys {
  std::string public_key;                   // empty: no head was signed yet
  std::optional<seal::SigningKey> signing;  // nothing: to read alone
};

AuditKeys KeysToSign(const seal::SigningKey& key);

// Thread-safe. Append, Begin and SignAnew of all who have the log open, in
// whichever process, follow each other.
class AuditLog {
 public:
  virtual ~AuditLog() = default;

  // Fills number, hash, and signs a head in the same transaction. Durable when
  // OK. It goes on from the signed head, so that what was cut off before it
  // stays missed. DATA_LOSS, PERMISSION_DENIED: as of Head; nothing was added.
  virtual absl::Status Append(AuditEntry entry) = 0;

  // Signs a log that has no head: a new one, or one that a version without
  // heads wrote, which gets an entry about it. Where one is: as of Head.
  virtual absl::Status Begin(absl::Time now) = 0;

  // Signs a log whose head or key was lost, after this entry, to whose detail
  // it adds what it found. FAILED_PRECONDITION: the head is sound.
  virtual absl::Status SignAnew(AuditEntry why) = 0;

  // DATA_LOSS: there is none, or it was changed; PERMISSION_DENIED: somebody
  // else's; FAILED_PRECONDITION: no head was signed yet.
  virtual absl::StatusOr<AuditHead> Head() = 0;

  virtual absl::StatusOr<std::vector<AuditEntry>> Read(uint64_t after,
                                                       size_t limit) = 0;

  // Entries about exactly this, oldest first.
  virtual absl::StatusOr<std::vector<AuditEntry>> About(
      const std::string& about, size_t limit);

  // DATA_LOSS names the first entry that does not follow from the one before,
  // or is missing, up to the signed head; or says that the log goes beyond it
  // or is empty. Else as of Head.
  virtual absl::Status Verify() = 0;
};

// Without a key to sign, the file must be there, and nothing in it is changed.
absl::StatusOr<std::unique_ptr<AuditLog>> OpenSqliteAuditLog(
    const std::string& file, AuditKeys keys);

}  // namespace schoolgate::collector
