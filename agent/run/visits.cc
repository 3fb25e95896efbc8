#include "agent/run/visits.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::agent {
namespace {

constexpr absl::Duration kEvery = absl::Seconds(5);
constexpr absl::Duration kLastDay = absl::Hours(24);
constexpr size_t kMostBytes = 4 << 20;  // of VisitBook::kMostVisits
constexpr mode_t kMode = 0600;

}  // namespace

Visits::Visits(Attribution& attribution, Verdicts& verdicts, Watch& watch,
               RulesInForce& rules, platform::Sessions& sessions,
               std::string file)
    : attribution_(attribution),
      verdicts_(verdicts),
      watch_(watch),
      rules_(rules),
      sessions_(sessions),
      file_(std::move(file)) {
  if (!file_.empty()) {
    const auto kept = platform::ReadWholeFile(file_, kMostBytes);
    if (kept.ok()) book_.TakeUp(written_ = *kept);
  }
  verdicts_.SetVisits(&book_);
  UsePolicy();
}

void Visits::UsePolicy() {
  if (used_ == verdicts_.rules()) return;
  used_ = verdicts_.rules();
  if (used_ == nullptr) return;
  book_.SetPolicy(used_->policy());
  attribution_.SetNamelessGroups(NamelessGroups(used_->policy()));
}

void Visits::Tick(absl::Time now, absl::Duration since_boot,
                  ContactLog* contacts) {
  UsePolicy();
  if (since_boot < next_) return;
  next_ = since_boot + kEvery;
  const auto logged_in = [this](uint32_t uid) -> std::optional<bool> {
    const bool there = sessions_.Of(uid).has_value();
    return sessions_.answers() ? std::optional(there) : std::nullopt;
  };
  for (const VisitNews& news :
       book_.Tick(absl::ToInt64Microseconds(since_boot), logged_in)) {
    Say(news, now);
    if (news.kind == VisitNews::Kind::kOver) {
      rules_.CutConnectionsOf(news.login);
    }
    if (news.kind == VisitNews::Kind::kLeft && contacts != nullptr) {
      contacts->own_record().Forget(news.uid);
    }
  }
  std::string written = book_.Written();
  if (file_.empty() || written == written_) return;
  // Tried again with the next change where it fails.
  (void)platform::ReplaceFile(file_, written, kMode);
  written_ = std::move(written);
}

void Visits::Say(const VisitNews& news, absl::Time now) {
  const int64_t now_us = absl::ToUnixMicros(now);
  switch (news.kind) {
    case VisitNews::Kind::kBegun:
      return SayLastDay(news, now);
    case VisitNews::Kind::kEndsSoon:
      return watch_.notices().Tell(
          news.uid,
          absl::StrCat("Your time on this computer is over in ",
                       absl::ToInt64Minutes(news.left + absl::Seconds(59)),
                       " minutes"),
          "Finish what you are doing on the Internet. After that only "
          "help-lines are open. Whoever needs longer asks a member of staff.",
          now_us);
    case VisitNews::Kind::kOver:
      return watch_.notices().Tell(news.uid,
                                   "Your time on this computer is over",
                                   "Please log out. Only help-lines are open "
                                   "now. Whoever needs longer asks a member "
                                   "of staff.",
                                   now_us);
    case VisitNews::Kind::kLeft:
      return;
  }
}

void Visits::SayLastDay(const VisitNews& news, absl::Time now) {
  if (used_ == nullptr) return;
  const auto end = rules::GuestEnd(used_->policy(), news.login);
  if (!end || absl::FromUnixSeconds(*end) - now > kLastDay ||
      absl::FromUnixSeconds(*end) <= now) {
    return;
  }
  watch_.notices().Tell(
      news.uid, "Today is the last day of this guest account",
      "From tomorrow on only help-lines are open to it. Whoever still needs "
      "one asks at the school.",
      absl::ToUnixMicros(now));
}

}  // namespace schoolgate::agent
