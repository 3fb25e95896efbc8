#include "collector/cli/expiry.h"

#include <algorithm>

#include "collector/cases/hold.h"
#include "collector/cli/preflight.h"
#include "collector/fleet/journal.h"

namespace schoolgate::collector {
namespace {

constexpr int kDaysSweptAtOnce = 4;

}  // namespace

Retention Expiry::KeepOf(const std::string& school) const {
  const absl::Duration day = absl::Hours(24);
  const Policy policy = policies_.Of(school);
  return RetentionBy(policy.get(), {day * config_.keep_event_days,
                                    day * config_.keep_event_days,
                                    day * config_.keep_case_days});
}

EventKeep Expiry::EventsKept() const {
  EventKeep keep;
  const Retention others = KeepOf("");
  keep.others = {others.contacts, others.health};
  for (const School& school : config_.schools) {
    const Retention own = KeepOf(school.id);
    keep.schools[school.id] = {own.contacts, own.health};
  }
  return keep;
}

void Expiry::Events(absl::Time now) {
  const absl::Status held =
      stores_.held == nullptr
          ? absl::OkStatus()
          : KeepHeldEvents(*stores_.alerts, *stores_.events, *stores_.held);
  if (!held.ok()) return Report("events", held, now);
  const EventKeep keep = EventsKept();
  Report("events", stores_.events->Expire(now, keep.Longest()), now);
  // The rest at the next turn: devices wait while this works.
  for (int day = 0; day < kDaysSweptAtOnce; ++day) {
    const absl::StatusOr<uint64_t> swept = stores_.events->Sweep(now, keep);
    Report("events", swept, now);
    if (!swept.ok() || *swept == 0) return;
  }
}

void Expiry::Run(absl::Time now) {
  // A clock that jumps into the future must not erase everything.
  if (!ClockIsPlausible(directory_, now)) {
    Log(Level::kError, "clock_jumped",
        {{"now", absl::FormatTime(now, absl::UTCTimeZone())},
         {"what", "nothing is erased until the clock is right"}});
    return;
  }
  Events(now);
  absl::Duration longest = KeepOf("").cases;
  for (const School& school : config_.schools) {
    const absl::Duration own = KeepOf(school.id).cases;
    longest = std::max(longest, own);
    Report("alerts", stores_.alerts->Expire(now, own, school.id), now);
  }
  // Of schools that are no more.
  Report("alerts", stores_.alerts->Expire(now, longest, ""), now);
  if (stores_.attachments != nullptr) {
    Report("attachments", stores_.attachments->DropOrphans(), now);
  }
}

void Expiry::Report(const std::string& what,
                    const absl::StatusOr<uint64_t>& erased, absl::Time now) {
  if (!erased.ok()) {
    Log(Level::kError, "expiry_failed",
        {{"what", what}, {"why", std::string(erased.status().message())}});
  } else if (*erased > 0) {
    Log(Level::kNotice, "expired", {{what, std::to_string(*erased)}});
    (void)stores_.audit->Append({.time = now,
                                 .who = "system",
                                 .action = "expire",
                                 .about = what,
                                 .detail = std::to_string(*erased)});
  }
}

}  // namespace schoolgate::collector
