#include "collector/store/audit_chain.h"

#include <sodium.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kVerifyPage = 4096;

void AddNumber(crypto_generichash_state* state, uint64_t number) {
  unsigned char bytes[8];
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<unsigned char>(number >> (8 * i));
  }
  crypto_generichash_update(state, bytes, sizeof bytes);
}

// Length first, so that no two different entries hash the same bytes.
void AddText(crypto_generichash_state* state, const std::string& text) {
  AddNumber(state, text.size());
  crypto_generichash_update(
      state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

absl::Status Missing(uint64_t first, uint64_t last) {
  return absl::DataLossError(
      first == last ? absl::StrCat("audit entry ", first,
                                   ": is missing: the log was changed")
                    : absl::StrCat("audit entries ", first, " to ", last,
                                   ": are missing: the log was changed"));
}

absl::Status Changed(uint64_t number, const char* how) {
  return absl::DataLossError(
      absl::StrCat("audit entry ", number, ": ", how, ": the log was changed"));
}

// To the last entry that is there.
absl::Status FollowEntries(AuditLog& log, const std::atomic<bool>* stop,
                           uint64_t* number, std::string* hash) {
  while (stop == nullptr || !*stop) {
    const absl::StatusOr<std::vector<AuditEntry>> page =
        log.Read(*number, kVerifyPage);
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    for (const AuditEntry& entry : *page) {
      if (entry.number != *number + 1) {
        return Missing(*number + 1, entry.number - 1);
      }
      if (entry.hash != HashOfEntry(*hash, entry)) {
        return Changed(entry.number, "does not follow from the one before");
      }
      *hash = entry.hash;
      *number = entry.number;
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string HashOfEntry(const std::string& previous, const AuditEntry& entry) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, crypto_generichash_BYTES);
  AddText(&state, previous);
  AddNumber(&state, entry.number);
  AddNumber(&state, static_cast<uint64_t>(absl::ToUnixMicros(entry.time)));
  AddText(&state, entry.who);
  AddText(&state, entry.action);
  AddText(&state, entry.about);
  AddText(&state, entry.detail);
  unsigned char hash[crypto_generichash_BYTES];
  crypto_generichash_final(&state, hash, sizeof hash);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<char*>(hash), sizeof hash));
}

absl::Status VerifyChainFrom(AuditLog& log, const std::atomic<bool>* stop,
                             uint64_t* number, std::string* hash) {
  if (*number > 0) {
    const absl::StatusOr<std::vector<AuditEntry>> known =
        log.Read(*number - 1, 1);
    if (!known.ok()) return known.status();
    if (known->empty() || known->front().number != *number ||
        known->front().hash != *hash) {
      return Changed(*number, "is not what it was");
    }
  }
  uint64_t owed = 0;  // by a head that was read before the entries
  while (true) {
    const absl::Status status = FollowEntries(log, stop, number, hash);
    if (!status.ok() || (stop != nullptr && *stop)) return status;
    if (*number < owed) return Missing(*number + 1, owed);
    const absl::StatusOr<AuditHead> head = log.Head();
    if (!head.ok()) return head.status();
    if (head->number < *number) {
      return Changed(head->number + 1, "lies behind the signed head");
    }
    if (head->number == *number) {
      return head->hash == *hash ? absl::OkStatus()
                                 : Changed(*number, "is not the signed one");
    }
    owed = head->number;
  }
}

absl::Status VerifyChain(AuditLog& log) {
  uint64_t number = 0;
  std::string hash;
  const absl::Status status = VerifyChainFrom(log, nullptr, &number, &hash);
  if (!status.ok() || number > 0) return status;
  return absl::DataLossError(
      "audit log: is empty, which none is after setup: the log was changed");
}

}  // namespace schoolgate::collector
