#include "agent/run/replay_verdict.h"

#include <utility>

namespace schoolgate::agent {

absl::StatusOr<ReplayVerdicts> ReplayVerdicts::Open(const std::string& bundle,
                                                    std::string group,
                                                    std::string user) {
  ReplayVerdicts verdicts;
  verdicts.group_ = std::move(group);
  verdicts.user_ = std::move(user);
  if (bundle.empty()) return verdicts;
  auto rules = rules::Ruleset::Open(bundle);
  if (!rules.ok()) return rules.status();
  verdicts.rules_ = *std::move(rules);
  return verdicts;
}

const rules::Decision& ReplayVerdicts::Decide(std::string_view host,
                                              int64_t time_us) {
  if (rules_ == nullptr) return allow_;
  constexpr int64_t kMinuteUs = 60'000'000;
  const int64_t minute = time_us / kMinuteUs;
  if (minute != remembered_minute_ || remembered_.size() >= kMaxRemembered) {
    remembered_.clear();  // schedules change on whole minutes
    remembered_minute_ = minute;
  }
  const auto known =
      remembered_.find(absl::string_view(host.data(), host.size()));
  if (known != remembered_.end()) return known->second;
  rules::Question question;
  question.host = host;
  question.group = group_;
  question.user = user_;
  question.at = absl::FromUnixMicros(time_us);
  return remembered_.emplace(host, rules::Decide(*rules_, question))
      .first->second;
}

}  // namespace schoolgate::agent
