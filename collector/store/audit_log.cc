#include "collector/store/audit_log.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPage = 4096;

}  // namespace

AuditKeys KeysToSign(const seal::SigningKey& key) {
  return {key.public_key(), key};
}

absl::StatusOr<std::vector<AuditEntry>> AuditLog::About(
    const std::string& about, size_t limit) {
  std::vector<AuditEntry> found;
  uint64_t after = 0;
  while (found.size() < limit) {
    const absl::StatusOr<std::vector<AuditEntry>> page = Read(after, kPage);
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    after = page->back().number;
    for (const AuditEntry& entry : *page) {
      if (entry.about == about && found.size() < limit) found.push_back(entry);
    }
  }
  return found;
}

}  // namespace schoolgate::collector
