#include "collector/detect/school_days.h"

#include "absl/time/civil_time.h"

namespace schoolgate::collector {
namespace {

// Weekdays from the Monday of 1969-12-29 up to and including `day`.
int64_t WeekdaysUpTo(absl::CivilDay day) {
  int64_t days = day - absl::CivilDay(1969, 12, 29) + 1;
  int64_t weeks = days >= 0 ? days / 7 : -((6 - days) / 7);
  int64_t rest = days - weeks * 7;
  return weeks * 5 + (rest > 5 ? 5 : rest);
}

}  // namespace

int SchoolDaysBetween(absl::Time from, absl::Time to, absl::TimeZone zone) {
  if (to <= from) return 0;
  int64_t days = WeekdaysUpTo(absl::ToCivilDay(to, zone)) -
                 WeekdaysUpTo(absl::ToCivilDay(from, zone));
  constexpr int64_t kMost = 1'000'000;
  return static_cast<int>(days < kMost ? days : kMost);
}

}  // namespace schoolgate::collector
