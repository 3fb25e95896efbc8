// An audit log for a test, as setup leaves one: begun, and still empty.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "collector/store/audit_log.h"

namespace schoolgate::collector {

// The same in every process.
inline AuditKeys TestAuditKeys() {
  return KeysToSign(seal::SigningKey::FromSeed(std::string(32, 'a')).value());
}

inline std::unique_ptr<AuditLog> Begun(std::unique_ptr<AuditLog> log) {
  return log->Begin(absl::FromUnixSeconds(1'795'338'000)).ok() ? std::move(log)
                                                               : nullptr;
}

inline std::unique_ptr<AuditLog> BegunAuditLog(const std::string& file) {
  return Begun(OpenSqliteAuditLog(file, TestAuditKeys()).value());
}

}  // namespace schoolgate::collector
