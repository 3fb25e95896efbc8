#include "agent/run/replay_verdict.h"

#include <utility>

#include "rules/judge.h"

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
  rules::Question question = QuestionAt(time_us);
  question.host = host;
  return remembered_.emplace(host, rules::Decide(*rules_, question))
      .first->second;
}

rules::Decision ReplayVerdicts::DecideCategory(std::string_view category,
                                               int64_t time_us) {
  if (rules_ == nullptr) return allow_;
  return rules::Judge(rules_->tables(), rules_->overlays(), std::string_view(),
                      {std::string(category)}, QuestionAt(time_us));
}

rules::Question ReplayVerdicts::QuestionAt(int64_t time_us) const {
  rules::Question question;
  question.group = group_;
  question.user = user_;
  question.at = absl::FromUnixMicros(time_us);
  return question;
}

}  // namespace schoolgate::agent
