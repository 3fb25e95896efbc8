#include "agent/run/self_check.h"

#include <unistd.h>

#include "rules/import/known_categories.h"

namespace schoolgate::agent {

std::string BlockedCategory(Verdicts& verdicts, const Who& who,
                            int64_t time_us) {
  std::string locked;
  if (verdicts.rules() == nullptr) return locked;
  for (const std::string_view category : rules::KnownCategories()) {
    const rules::Decision& decision =
        verdicts.For(rules::CanaryHost(category), who, time_us);
    if (decision.action != rules::Action::kBlock) continue;
    if (!decision.locked) return std::string(category);
    if (locked.empty()) locked = category;
  }
  return locked;
}

void SelfCheck::Begin(GateMode mode, absl::Time wall, absl::Duration now) {
  Observation asked;
  asked.uid = geteuid();
  asked.time_us = absl::ToUnixMicros(wall);
  const Who who = attribution_.WhoAsked(asked);
  const std::string category = BlockedCategory(verdicts_, who, asked.time_us);
  must_refuse_ = mode == GateMode::kEnforce && !category.empty();
  name_ = platform::FreshTestName(category);
  until_ = now + kPatience;
  question_.emplace(name_);
}

std::optional<std::string> SelfCheck::Step(absl::Duration now) {
  if (!question_) return std::nullopt;
  const bool seen = watch_.SawTest(name_);
  const bool refused = question_->Refused() && watch_.RefusedTest(name_);
  if (seen && (refused || !must_refuse_)) {
    question_.reset();
    return "pass";
  }
  if (now < until_) return std::nullopt;
  question_.reset();
  return seen ? "fail: a blocked name was not refused"
              : "fail: a name that was asked for was not seen";
}

}  // namespace schoolgate::agent
