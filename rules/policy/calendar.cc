#include "rules/policy/calendar.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace schoolgate::rules {
namespace {

constexpr int64_t kDaySeconds = 24 * 60 * 60;
constexpr int32_t kHorizonDays = 2 * 366;

int64_t FloorDiv(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0);
}

// 1970-01-01 was a Thursday; bit 0 is Monday.
uint32_t DayBit(int32_t day) { return 1u << (((day + 3) % 7 + 7) % 7); }

bool Overnight(const v1::PolicyWindow& window) {
  return window.to_minute() <= window.from_minute();
}

}  // namespace

Calendar::Calendar(
    const v1::PolicyCalendar& calendar,
    const google::protobuf::RepeatedPtrField<v1::PolicySchedule>& schedules)
    : offsets_(calendar.offsets().begin(), calendar.offsets().end()) {
  for (const v1::DaySpan& span : calendar.terms()) {
    terms_.push_back({span.first_day(), span.last_day()});
  }
  for (const v1::DaySpan& span : calendar.closed()) {
    closed_.push_back({span.first_day(), span.last_day()});
  }
  for (const v1::PolicySchedule& schedule : schedules) {
    schedules_.push_back(
        {schedule.day_kind(),
         schedule.lesson(),
         {schedule.windows().begin(), schedule.windows().end()},
         {schedule.but_not().begin(), schedule.but_not().end()}});
  }
}

int32_t Calendar::OffsetAt(int64_t unix_s) const {
  const auto after =
      std::upper_bound(offsets_.begin(), offsets_.end(), unix_s,
                       [](int64_t at, const v1::ZoneChange& change) {
                         return at < change.from_unix_s();
                       });
  if (after == offsets_.begin()) {
    return offsets_.empty() ? 0 : offsets_.front().offset_s();
  }
  return std::prev(after)->offset_s();
}

v1::DayKind Calendar::KindOf(int32_t day) const {
  const auto holds = [day](const Span& span) {
    return day >= span.first && day <= span.last;
  };
  const bool term = std::any_of(terms_.begin(), terms_.end(), holds) &&
                    std::none_of(closed_.begin(), closed_.end(), holds);
  return term ? v1::DAY_KIND_TERM : v1::DAY_KIND_HOLIDAY;
}

bool Calendar::DayCounts(const Schedule& schedule, int32_t day) const {
  return schedule.kind == v1::DAY_KIND_ANY || KindOf(day) == schedule.kind;
}

bool Calendar::InWindows(const Schedule& schedule,
                         const std::vector<v1::PolicyWindow>& windows,
                         int32_t day, uint32_t minute) const {
  for (const v1::PolicyWindow& window : windows) {
    const bool overnight = Overnight(window);
    if ((window.days() & DayBit(day)) != 0 && minute >= window.from_minute() &&
        (overnight || minute < window.to_minute()) &&
        DayCounts(schedule, day)) {
      return true;
    }
    if (overnight && (window.days() & DayBit(day - 1)) != 0 &&
        minute < window.to_minute() && DayCounts(schedule, day - 1)) {
      return true;
    }
  }
  return false;
}

bool Calendar::Holds(int schedule, int64_t unix_s) const {
  const Schedule& one = schedules_[schedule];
  const int64_t local = unix_s + OffsetAt(unix_s);
  const int32_t day = LocalDay(unix_s);
  const auto minute = static_cast<uint32_t>((local - day * kDaySeconds) / 60);
  return InWindows(one, one.windows, day, minute) &&
         !InWindows(one, one.but_not, day, minute);
}

bool Calendar::InLesson(int64_t unix_s) const {
  for (size_t i = 0; i < schedules_.size(); ++i) {
    if (schedules_[i].lesson && Holds(static_cast<int>(i), unix_s)) {
      return true;
    }
  }
  return false;
}

// The moments of a local day at which the schedule may change, in UTC.
void Calendar::Candidates(const Schedule& schedule, int32_t day,
                          std::vector<int64_t>* out) const {
  const int64_t midnight = day * kDaySeconds;
  const int32_t early = OffsetAt(midnight - kDaySeconds);
  const int32_t late = OffsetAt(midnight + 2 * kDaySeconds);
  const auto add = [&](int64_t local) {
    out->push_back(local - early);
    if (late != early) out->push_back(local - late);
  };
  for (const auto* windows : {&schedule.windows, &schedule.but_not}) {
    for (const v1::PolicyWindow& window : *windows) {
      if ((window.days() & DayBit(day)) == 0 || !DayCounts(schedule, day)) {
        continue;
      }
      add(midnight + window.from_minute() * 60);
      add(midnight + window.to_minute() * 60 +
          (Overnight(window) ? kDaySeconds : 0));
    }
  }
  if (late == early) return;
  for (const v1::ZoneChange& change : offsets_) {
    if (change.from_unix_s() >= midnight - kDaySeconds &&
        change.from_unix_s() <= midnight + 2 * kDaySeconds) {
      out->push_back(change.from_unix_s());
    }
  }
}

int64_t Calendar::NextChange(int schedule, int64_t unix_s) const {
  const Schedule& one = schedules_[schedule];
  const bool now = Holds(schedule, unix_s);
  const int32_t today = LocalDay(unix_s);
  // A window changes on the day on which it starts or on the next one.
  std::vector<int64_t> yesterdays;
  Candidates(one, today - 1, &yesterdays);
  for (int32_t day = today; day < today + kHorizonDays; ++day) {
    std::vector<int64_t> todays;
    Candidates(one, day, &todays);
    std::vector<int64_t> moments = todays;
    moments.insert(moments.end(), yesterdays.begin(), yesterdays.end());
    std::sort(moments.begin(), moments.end());
    for (const int64_t moment : moments) {
      if (moment <= unix_s || LocalDay(moment) != day) continue;
      if (Holds(schedule, moment) != now) return moment;
    }
    yesterdays = std::move(todays);
  }
  return kNever;
}

int32_t Calendar::LocalDay(int64_t unix_s) const {
  return static_cast<int32_t>(FloorDiv(unix_s + OffsetAt(unix_s), kDaySeconds));
}

absl::StatusOr<std::vector<v1::ZoneChange>> ZoneOffsets(
    const std::string& time_zone) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(time_zone, &zone)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "time zone \"", time_zone,
        "\" is not known here: use an IANA name such as Europe/London, and "
        "install tzdata"));
  }
  const absl::Time first =
      absl::FromCivil(absl::CivilDay(2020, 1, 1), absl::UTCTimeZone());
  const absl::Time last =
      absl::FromCivil(absl::CivilDay(2060, 1, 1), absl::UTCTimeZone());
  std::vector<v1::ZoneChange> changes;
  const auto add = [&](absl::Time at) {
    v1::ZoneChange change;
    change.set_from_unix_s(absl::ToUnixSeconds(at));
    change.set_offset_s(zone.At(at).offset);
    if (changes.empty() || changes.back().offset_s() != change.offset_s()) {
      changes.push_back(change);
    }
  };
  add(first);
  absl::TimeZone::CivilTransition transition;
  absl::Time at = first;
  while (zone.NextTransition(at, &transition)) {
    at = absl::FromCivil(transition.from, absl::UTCTimeZone()) -
         absl::Seconds(zone.At(at).offset);
    if (at >= last) break;
    add(at);
  }
  return changes;
}

bool ParseDay(const std::string& text, int32_t* day) {
  absl::CivilDay civil;
  if (text.size() != 10 || !absl::ParseCivilTime(text, &civil)) return false;
  *day = static_cast<int32_t>(civil - absl::CivilDay(1970, 1, 1));
  return true;
}

}  // namespace schoolgate::rules
