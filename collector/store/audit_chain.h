// How the entries of an audit log are tied together, wherever it is kept.
#pragma once

#include <string>

#include "collector/store/audit_log.h"

namespace schoolgate::collector {

// BLAKE2b-256 in hex over the hash before and all fields of the entry but its
// own hash.
std::string HashOfEntry(const std::string& previous, const AuditEntry& entry);

// What AuditLog::Verify promises, by reading all of it.
absl::Status VerifyChain(AuditLog& log);

}  // namespace schoolgate::collector
