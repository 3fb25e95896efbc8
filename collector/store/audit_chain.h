// How the entries of an audit log are tied together, wherever it is kept.
#pragma once

#include <atomic>
#include <string>

#include "collector/store/audit_log.h"

namespace schoolgate::collector {

// BLAKE2b-256 in hex over the hash before and all fields of the entry but its
// own hash.
std::string HashOfEntry(const std::string& previous, const AuditEntry& entry);

// Goes on from an entry that was found good, which is looked at again
// (*number 0: from the start), to the end, which must be the log's signed head,
// or until *stop (may be null) is set. Number and hash of the last good one are
// put back. Others may append meanwhile.
absl::Status VerifyChainFrom(AuditLog& log, const std::atomic<bool>* stop,
                             uint64_t* number, std::string* hash);

// What AuditLog::Verify promises, by reading all of it.
absl::Status VerifyChain(AuditLog& log);

}  // namespace schoolgate::collector
