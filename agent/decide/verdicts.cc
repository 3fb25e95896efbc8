#include "agent/decide/verdicts.h"

#include <algorithm>
#include <utility>

#include "rules/judge.h"

namespace schoolgate::agent {

void Verdicts::Use(std::shared_ptr<const rules::Ruleset> rules) {
  const bool other_bundle =
      rules_ == nullptr || rules == nullptr ||
      rules_->manifest().version() != rules->manifest().version();
  if (other_bundle) judged_ = blocked_ = 0;
  rules_ = std::move(rules);
  remembered_.Clear();
}

void Verdicts::Try(const std::shared_ptr<const rules::Ruleset>& rules) {
  if (rules == (trial_ != nullptr ? trial_->rules() : nullptr)) return;
  trial_ = rules != nullptr ? std::make_unique<RulesTrial>(rules) : nullptr;
}

rules::Question Verdicts::Blank(absl::Time now) const {
  return {.host = {},
          .group = {},
          .user = {},
          .device = device_,
          .place = place_,
          .at = now,
          .boot_us = boot_us_,
          .boot_id = boot_id_};
}

void Verdicts::SetPlace(rules::Place place) {
  if (place == place_) return;
  place_ = place;
  remembered_.Clear();
}

void Verdicts::SetBoot(std::string boot_id, int64_t boot_us) {
  boot_id_ = std::move(boot_id);
  boot_us_ = boot_us;
}

void Verdicts::SetTimeFloor(absl::Time floor, int64_t boot_us) {
  if (floor <= floor_) return;
  floor_ = floor;
  floor_boot_us_ = boot_us;
  remembered_.Clear();
}

void Verdicts::SetDevice(std::string device) {
  device_ = std::move(device);
  remembered_.Clear();
}

const rules::Decision& Verdicts::For(std::string_view host, const Who& who,
                                     int64_t time_us) {
  const rules::Decision& decision = ByRules(host, who, time_us);
  if (visits_ != nullptr && visits_->IsOver(who, boot_us_) &&
      decision.action != rules::Action::kBlock && !decision.never_log) {
    return visits_->ended();
  }
  if (portal_ == nullptr || decision.action != rules::Action::kBlock) {
    return decision;
  }
  by_portal_ = portal_->InPlaceOf(decision, host, boot_us_,
                                  absl::FromUnixMicros(time_us));
  return by_portal_ ? *by_portal_ : decision;
}

const rules::Decision& Verdicts::ByRules(std::string_view host, const Who& who,
                                         int64_t time_us) {
  key_.assign(who.RulesGroup()).append(1, '\0').append(who.RulesLogin());
  key_.append(1, '\0').append(host);
  const absl::Time now = absl::FromUnixMicros(time_us);
  if (Remembered* known = remembered_.Find(key_, time_us)) {
    const bool holds = !known->decision.until || now < *known->decision.until;
    // An answer also ends when the clock is set back to before it was given.
    if (holds && time_us >= known->decided_us - kOutOfOrderUs) {
      return known->decision;
    }
  }
  Remembered fresh{.decision = {}, .decided_us = time_us};
  if (rules_ != nullptr) {
    rules::Question question = QuestionOf(who, time_us);
    question.host = host;
    fresh.decision = rules::Decide(*rules_, question);
    ++judged_;
    if (fresh.decision.action == rules::Action::kBlock) ++blocked_;
    if (trial_ != nullptr) trial_->Note(question, fresh.decision);
  }
  return remembered_.Put(key_, std::move(fresh), time_us)->decision;
}

rules::Decision Verdicts::ForCategory(std::string_view category, const Who& who,
                                      int64_t time_us) const {
  if (rules_ == nullptr) return {};
  if (visits_ != nullptr && visits_->IsOver(who, boot_us_)) {
    return visits_->ended();
  }
  return rules::Judge(rules_->tables(), rules_->overlays(), std::string_view(),
                      {std::string(category)}, QuestionOf(who, time_us));
}

rules::Question Verdicts::QuestionOf(const Who& who, int64_t time_us) const {
  rules::Question question = Blank(absl::FromUnixMicros(time_us));
  question.at_least = floor_ + absl::Microseconds(boot_us_ - floor_boot_us_);
  question.group = who.RulesGroup();
  question.user = who.RulesLogin();
  return question;
}

std::vector<Verdicts::Previewed> Verdicts::Preview(const Who& who,
                                                   const std::string& group,
                                                   int64_t time_us) const {
  std::vector<Previewed> all;
  if (rules_ == nullptr) return all;
  const std::string own =
      std::string(who.RulesGroup()).append(1, '\0').append(who.RulesLogin()) +
      '\0';
  Who child;
  child.group = group;
  rules::Question question = QuestionOf(child, time_us);
  remembered_.ForEach([&](const std::string& key, const Remembered& known) {
    if (!key.starts_with(own) || known.decision.locked ||
        IsOlder(known.decided_us, time_us, kRememberUs)) {
      return;
    }
    const std::string host = key.substr(own.size());
    question.host = host;
    rules::Decision decision = rules::Decide(*rules_, question);
    if (!decision.locked) all.push_back({host, std::move(decision)});
  });
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.host < b.host; });
  return all;
}

std::string_view Verdicts::Restricted(std::string_view host,
                                      const Who& who) const {
  if (rules_ == nullptr) return {};
  return rules::RestrictedAnswer(*rules_,
                                 {.host = host, .group = who.RulesGroup()});
}

std::string Verdicts::HelpFor(const rules::Decision& decision) const {
  if (rules_ == nullptr) return {};
  for (const std::string& id : decision.categories) {
    const int index = rules_->tables().Category(id);
    if (index < 0) continue;
    const std::string& help = rules_->policy().categories(index).help();
    if (!help.empty()) return help;
  }
  return {};
}

}  // namespace schoolgate::agent
