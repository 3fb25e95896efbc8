// By which key the audit log of a data directory is signed: keys/custody.key.
// keys/audit.pub, its public half, says that the log is signed: a log without a
// head is then no longer one of an earlier version.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/cli/data_directory.h"
#include "collector/store/audit_log.h"

namespace schoolgate::collector {

// Needs no secret. Without a key: nothing was signed yet.
absl::StatusOr<AuditKeys> AuditKeysToRead(const DataDirectory& directory);

// FAILED_PRECONDITION: nothing was signed yet, or the key is missing or is
// another one; PERMISSION_DENIED: this user may not read it.
absl::StatusOr<AuditKeys> AuditKeysToSign(const DataDirectory& directory);

// Also for a log that was not signed yet: makes the key where there is none.
absl::StatusOr<AuditKeys> AuditKeysToBegin(const DataDirectory& directory);

// Signs a log with AuditKeysToBegin that was not signed yet, and remembers
// that.
absl::Status BeginAudit(const DataDirectory& directory, AuditLog& log,
                        absl::Time now);

// For a log whose head or key was lost: the key that is there, or a new one.
absl::StatusOr<AuditKeys> AuditKeysToSignAnew(const DataDirectory& directory);

// Writes keys/audit.pub: by which key the log's head is signed.
absl::Status RememberAuditKey(const DataDirectory& directory, AuditLog& log);

}  // namespace schoolgate::collector
