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
      return absl::DataLossError(
          absl::StrCat("audit entry ", *number,
                       ": is not what it was: the log was changed"));
    }
  }
  while (stop == nullptr || !*stop) {
    const absl::StatusOr<std::vector<AuditEntry>> page =
        log.Read(*number, kVerifyPage);
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    for (const AuditEntry& entry : *page) {
      if (entry.number != *number + 1 ||
          entry.hash != HashOfEntry(*hash, entry)) {
        return absl::DataLossError(absl::StrCat(
            "audit entry ", entry.number,
            ": does not follow from the one before: the log was changed"));
      }
      *hash = entry.hash;
      *number = entry.number;
    }
  }
  return absl::OkStatus();
}

absl::Status VerifyChain(AuditLog& log) {
  uint64_t number = 0;
  std::string hash;
  return VerifyChainFrom(log, nullptr, &number, &hash);
}

}  // namespace schoolgate::collector
