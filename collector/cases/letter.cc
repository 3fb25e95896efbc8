#include "collector/cases/letter.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cases/policy_says.h"
#include "collector/cases/sanctions.h"
#include "collector/cases/sight.h"
#include "collector/cases/words.h"
#include "collector/detect/tier.h"

namespace schoolgate::collector {
namespace {

std::string DayWords(int64_t unix_us, absl::TimeZone zone) {
  return absl::FormatTime("%A %-d %B %Y", absl::FromUnixMicros(unix_us), zone);
}

absl::Status NoLetter(const std::string& why) {
  return absl::FailedPreconditionError(why);
}

// Of the staff's group, or of one that the policy has as like it.
bool IsAdult(const v1::Alert& alert, const v1::CompiledPolicy* policy) {
  if (IsStaffGroup(alert.group())) return true;
  if (policy == nullptr) return false;
  const auto groups = GroupAndParents(*policy, alert.group());
  return std::any_of(groups.begin(), groups.end(),
                     [](const std::string& id) { return IsStaffGroup(id); });
}

absl::Status MayWrite(const v1::Alert& alert,
                      const v1::CompiledPolicy* policy) {
  if (IsLocked(alert)) {
    return NoLetter(
        "There is no letter about illegal material: the police decide who is "
        "told, and when.");
  }
  if (!absl::StartsWith(alert.subject(), "P-")) {
    return NoLetter("No person is known here, only a device.");
  }
  if (IsAdult(alert, policy)) {
    return NoLetter("This is about an adult: there is nobody to write to.");
  }
  if (alert.category().empty()) {
    return NoLetter("This is not about hosts that somebody contacted.");
  }
  if (alert.state() == v1::ALERT_STATE_CLOSED &&
      alert.incident().outcome() == "false_alarm") {
    return NoLetter("This was a false alarm: there is nothing to write home.");
  }
  return absl::OkStatus();
}

const v1::PolicyCategory* CategoryOf(const v1::CompiledPolicy* policy,
                                     const std::string& id) {
  if (policy == nullptr) return nullptr;
  for (const v1::PolicyCategory& one : policy->categories()) {
    if (one.id() == id) return &one;
  }
  return nullptr;
}

// "contacted a gambling site twice.", "tried to reach ... Each try was
// blocked."
std::string Deed(const v1::Alert& alert) {
  const auto& lines = alert.evidence();
  const auto blocked = std::count_if(
      lines.begin(), lines.end(),
      [](const v1::AlertEvidence& line) { return line.action() == "blocked"; });
  const bool all = blocked > 0 && blocked == lines.size();
  std::string deed = absl::StrCat(
      all           ? "tried to reach "
      : blocked > 0 ? "contacted or tried to reach "
                    : "contacted ",
      OneOfCategory(alert.category()),
      alert.count() > 1 ? absl::StrCat(" ", Times(alert.count())) : "", ".");
  if (all)
    deed += alert.count() > 1 ? " Each try was blocked." : " It was blocked.";
  return deed;
}

// What happened, as far as it is known, and how little that says.
std::string WhatHappened(const v1::Alert& alert, absl::TimeZone zone) {
  const std::string first = DayWords(alert.first_unix_us(), zone);
  const std::string last = DayWords(alert.last_unix_us(), zone);
  return absl::StrCat(first == last
                          ? absl::StrCat("On ", first)
                          : absl::StrCat("Between ", first, " and ", last),
                      " our online safety system noticed that a school device, "
                      "used with your child's account, ",
                      Deed(alert));
}

void AddPolicy(const v1::Alert& alert, const v1::CompiledPolicy& policy,
               Letter* letter) {
  const v1::PolicyClause* clause = ClauseOf(policy, alert);
  if (clause == nullptr || clause->quote().empty()) return;
  letter->before.push_back(
      absl::StrCat("Our policy on online safety says: “", clause->quote(), "”",
                   clause->says().empty() ? "." : ": ", clause->says(),
                   clause->says().empty() ? "" : "."));
}

}  // namespace

absl::StatusOr<Letter> LetterToParents(const v1::Alert& alert,
                                       const v1::CompiledPolicy* policy,
                                       const LetterHead& head) {
  if (absl::Status may = MayWrite(alert, policy); !may.ok()) return may;
  Letter letter;
  letter.date = absl::FormatTime("%-d %B %Y", head.now, head.zone);
  letter.before.push_back(WhatHappened(alert, head.zone));
  letter.before.push_back(
      "This is about connections that a device made or tried to make. They do "
      "not show what was typed, read or meant, and pages and programs make "
      "many by themselves.");
  const v1::PolicyCategory* category = CategoryOf(policy, alert.category());
  if (SelfReported(alert)) {
    letter.before.push_back("Your child told us about it themselves.");
  }
  const bool welfare =
      IsWelfare(alert.category()) ||
      (category != nullptr && category->tier() == v1::TIER_SAFEGUARDING);
  if (welfare) {
    letter.before.push_back(
        "We write because we want your child to be safe and well. Nobody is "
        "in trouble.");
    letter.cautions.push_back(
        "Before this is sent: could telling the parents put the child at "
        "risk? If so, speak to children's social care first.");
  } else if (policy != nullptr) {
    AddPolicy(alert, *policy, &letter);
  }
  if (alert.state() != v1::ALERT_STATE_CLOSED) {
    letter.after.push_back("We are still finding out what happened.");
    letter.cautions.push_back("This case is not closed yet.");
  }
  if (category != nullptr && !category->help().empty()) {
    letter.after.push_back(
        absl::StrCat("Where your child finds help: ", category->help()));
  }
  letter.after.push_back(absl::StrCat(
      "If you have questions, or if something here is wrong, please speak to ",
      head.writer,
      head.contact.empty() ? "" : absl::StrCat(" or write to ", head.contact),
      ". You may ask to see what is recorded about your child."));
  return letter;
}

nlohmann::json LetterJson(const Letter& letter, const LetterHead& head) {
  return {{"date", letter.date},
          {"before", letter.before},
          {"after", letter.after},
          {"cautions", letter.cautions},
          {"school", head.school_name},
          {"writer", head.writer},
          {"writer_role", head.writer_role}};
}

}  // namespace schoolgate::collector
