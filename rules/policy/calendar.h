// Lessons, terms and time zones: which schedules hold at a moment, and when
// that changes.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/policy.pb.h"

namespace schoolgate::rules {

// What a threshold is about that tells of use outside its schedule.
inline constexpr char kOutOfHours[] = "out-of-hours";

// "Never", for times of change.
inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// Immutable and thread-safe. Times are seconds since 1970, UTC.
class Calendar {
 public:
  Calendar() = default;
  Calendar(
      const v1::PolicyCalendar& calendar,
      const google::protobuf::RepeatedPtrField<v1::PolicySchedule>& schedules);

  // Whether a schedule holds. Local clock time counts: a window from 01:00 to
  // 02:00 holds twice in the night when the clocks go back, and not at all
  // when they go forward.
  bool Holds(int schedule, int64_t unix_s) const;

  // The first moment after `unix_s` at which the schedule starts or stops to
  // hold; kNever when it does neither within the next two years.
  int64_t NextChange(int schedule, int64_t unix_s) const;

  // Whether any schedule marked as lessons holds.
  bool InLesson(int64_t unix_s) const;

  int32_t OffsetAt(int64_t unix_s) const;
  v1::DayKind KindOf(int32_t day) const;  // TERM or HOLIDAY

 private:
  struct Span {
    int32_t first;
    int32_t last;
  };
  struct Schedule {
    v1::DayKind kind;
    bool lesson;
    std::vector<v1::PolicyWindow> windows;
    std::vector<v1::PolicyWindow> but_not;
  };

  bool InWindows(const Schedule& schedule,
                 const std::vector<v1::PolicyWindow>& windows, int32_t day,
                 uint32_t minute) const;
  int32_t LocalDay(int64_t unix_s) const;
  bool DayCounts(const Schedule& schedule, int32_t day) const;
  void Candidates(const Schedule& schedule, int32_t day,
                  std::vector<int64_t>* out) const;

  std::vector<Span> terms_;
  std::vector<Span> closed_;
  std::vector<v1::ZoneChange> offsets_;
  std::vector<Schedule> schedules_;
};

// All offsets of an IANA zone from 2020 to 2059. INVALID_ARGUMENT when the
// machine's database does not know the zone.
absl::StatusOr<std::vector<v1::ZoneChange>> ZoneOffsets(
    const std::string& time_zone);

// "2026-09-01" to days since 1970; false when it is no date.
bool ParseDay(const std::string& text, int32_t* day);

}  // namespace schoolgate::rules
