#include "collector/web/audit_check.h"

#include <utility>

#include "collector/store/audit_chain.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kWholeAgain = absl::Hours(1);

}  // namespace

AuditCheck::~AuditCheck() {
  closing_ = true;
  if (whole_check_.joinable()) whole_check_.join();
}

AuditCheck::Verdict AuditCheck::Look(uint64_t last, absl::Time now) {
  if (last <= kAtOnce) CheckAll(now);
  const std::lock_guard lock(mutex_);
  if (last > kAtOnce && !running_ && now - checked_ >= kWholeAgain) {
    if (whole_check_.joinable()) whole_check_.join();
    running_ = true;
    whole_check_ = std::thread([this, now] { CheckAll(now); });
  }
  if (checked_ == absl::InfinitePast()) return {};
  if (!broken_ && !VerifyChainFrom(log_, nullptr, &number_, &hash_).ok()) {
    broken_ = true;
  }
  return {!broken_, checked_};
}

void AuditCheck::CheckAll(absl::Time now) {
  uint64_t number = 0;
  std::string hash;
  const absl::Status status = VerifyChainFrom(log_, &closing_, &number, &hash);
  if (closing_) return;
  const std::lock_guard lock(mutex_);
  running_ = false;
  broken_ = !status.ok();
  checked_ = now;
  number_ = number;
  hash_ = std::move(hash);
}

}  // namespace schoolgate::collector
