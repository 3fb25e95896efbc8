#include "agent/keep/restart_rules.h"

#include <algorithm>

namespace schoolgate::agent {
namespace {

// Before the second and third try: what was missing may be there then.
constexpr absl::Duration kBetweenTries = absl::Milliseconds(100);

}  // namespace

void RestartRules::OnReady(absl::Duration now) {
  ready_ = true;
  ready_at_ = now;
  last_ready_ = now;
  opened_ = false;
}

absl::Duration RestartRules::OnEnd(RunEnd end, absl::Duration now) {
  if (ready_) {
    last_ready_ = now;
    if (now - ready_at_ >= kProven) {
      faults_ = 0;
      pause_ = kFirstPause;
    }
  }
  ready_ = false;
  if (end == RunEnd::kFault) ++faults_;
  if (opened_) {
    const absl::Duration pause = pause_;
    pause_ = std::min(2 * pause_, kLongestPause);
    return pause;
  }
  return end == RunEnd::kFault && faults_ > 1 ? kBetweenTries
                                              : absl::ZeroDuration();
}

bool RestartRules::MustOpen(absl::Duration now) const {
  if (opened_ || ready_) return false;
  return faults_ >= kMostFaults || now - last_ready_ >= kLongestWithout;
}

void RestartRules::OnOpened() { opened_ = true; }

absl::Duration RestartRules::OpensAt() const {
  if (opened_ || ready_) return absl::InfiniteDuration();
  return last_ready_ + kLongestWithout;
}

}  // namespace schoolgate::agent
