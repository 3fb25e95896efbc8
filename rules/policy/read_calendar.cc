// Time zone, terms, closed days and schedules.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "rules/policy/calendar.h"
#include "rules/policy/draft.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {
namespace {

constexpr uint32_t kMinutesADay = 24 * 60;
constexpr uint32_t kEveryDay = 0x7f;

int DayNumber(const std::string& text) {
  const std::vector<std::string> days = {"mon", "tue", "wed", "thu",
                                         "fri", "sat", "sun"};
  const auto found = std::find(days.begin(), days.end(), text);
  return found == days.end() ? -1 : static_cast<int>(found - days.begin());
}

// "mon-fri", "mon,wed,fri", "daily".
bool ParseDays(const std::string& text, uint32_t* days) {
  *days = text == "daily" ? kEveryDay : 0;
  if (*days != 0) return true;
  for (const std::string& part :
       std::vector<std::string>(absl::StrSplit(text, ','))) {
    const std::vector<std::string> ends = absl::StrSplit(part, '-');
    const int first = DayNumber(ends[0]);
    const int last = DayNumber(ends.back());
    if (first < 0 || last < 0 || ends.size() > 2) return false;
    for (int day = first;; day = (day + 1) % 7) {
      *days |= 1u << day;
      if (day == last) break;
    }
  }
  return true;
}

// "mon-fri 09:00-12:15".
bool ParseWindow(const std::string& text, v1::PolicyWindow* window) {
  const std::vector<std::string> parts =
      absl::StrSplit(text, ' ', absl::SkipEmpty());
  if (parts.size() != 2) return false;
  const std::vector<std::string> ends = absl::StrSplit(parts[1], '-');
  uint32_t days = 0;
  uint32_t from = 0;
  uint32_t to = 0;
  if (ends.size() != 2 || !ParseDays(parts[0], &days) ||
      !ParseMinute(ends[0], &from) || !ParseMinute(ends[1], &to) ||
      from == kMinutesADay || from == to) {
    return false;
  }
  window->set_days(days);
  window->set_from_minute(from);
  window->set_to_minute(to);
  return true;
}

void ReadWindows(MapReader& map, std::string_view key,
                 google::protobuf::RepeatedPtrField<v1::PolicyWindow>* out) {
  for (const std::string& text : map.Words(key)) {
    if (!ParseWindow(text, out->Add())) {
      out->RemoveLast();
      map.Fail(key, absl::StrCat("\"", text,
                                 "\" is no window: write it as \"mon-fri "
                                 "09:00-12:15\""));
    }
  }
}

void ReadSpans(MapReader& top, std::string_view key, const PolicySource& source,
               google::protobuf::RepeatedPtrField<v1::DaySpan>* out) {
  const Node* list = top.List(key);
  if (list == nullptr) return;
  // A school's own dates stand in for the baseline's.
  out->Clear();
  for (const Node& item : list->items) {
    MapReader map(item, std::string(key), source.mistakes);
    if (!map.ok()) continue;
    int32_t first = 0;
    int32_t last = 0;
    const std::string title = map.Text("name");
    const bool has_from = ReadDate(map, "from", &first);
    const bool has_to = ReadDate(map, "to", &last);
    map.Done();
    if (!map.ok()) continue;
    if (!has_from) {
      map.Fail("from", "is missing: the first day");
      continue;
    }
    if (!has_to) last = first;
    if (last < first) {
      map.Fail("to", "lies before \"from\"");
      continue;
    }
    v1::DaySpan* span = out->Add();
    span->set_first_day(first);
    span->set_last_day(last);
    span->set_title(title);
  }
}

void ReadSchedule(const Node::Entry& entry, const PolicySource& source,
                  Draft* draft) {
  MapReader map(entry.value, "schedule " + entry.key, source.mistakes);
  if (!map.ok()) return;
  if (draft->schedules.count(entry.key) == 0) {
    if (draft->schedules.size() >= kMaxSchedules) {
      source.mistakes->Add(
          entry.line, absl::StrCat("more than ", kMaxSchedules, " schedules"));
      return;
    }
    draft->schedules[entry.key] = draft->policy.schedules_size();
    draft->policy.add_schedules();
  }
  v1::PolicySchedule* schedule =
      draft->policy.mutable_schedules(draft->schedules[entry.key]);
  schedule->Clear();
  schedule->set_id(entry.key);
  schedule->set_title(map.Text("title", entry.key));
  schedule->set_day_kind(static_cast<v1::DayKind>(
      map.Choice("only", {"any day", "school days", "holidays"}, 0)));
  schedule->set_lesson(map.Flag("lessons", false));
  ReadWindows(map, "windows", schedule->mutable_windows());
  ReadWindows(map, "but_not", schedule->mutable_but_not());
  if (map.ok() && schedule->windows_size() == 0) {
    map.Fail("windows", "is missing: a schedule needs at least one window");
  }
  if (schedule->day_kind() != v1::DAY_KIND_ANY &&
      draft->policy.calendar().terms_size() == 0) {
    map.Fail("only", "speaks of school days, but the policy has no terms");
  }
  map.Done();
}

}  // namespace

bool ParseMinute(const std::string& text, uint32_t* minute) {
  uint32_t hours = 0;
  uint32_t minutes = 0;
  if (text.size() != 5 || text[2] != ':' ||
      !absl::SimpleAtoi(text.substr(0, 2), &hours) ||
      !absl::SimpleAtoi(text.substr(3, 2), &minutes) || minutes > 59) {
    return false;
  }
  *minute = hours * 60 + minutes;
  return *minute <= kMinutesADay;
}

void ReadCalendar(MapReader& top, const PolicySource& source, Draft* draft) {
  v1::PolicyCalendar* calendar = draft->policy.mutable_calendar();
  const std::string zone = top.Text("time_zone");
  if (!zone.empty()) {
    const auto offsets = ZoneOffsets(zone);
    if (offsets.ok()) {
      calendar->set_time_zone(zone);
      calendar->clear_offsets();
      for (const v1::ZoneChange& change : *offsets) {
        *calendar->add_offsets() = change;
      }
    } else {
      top.Fail("time_zone", std::string(offsets.status().message()));
    }
  } else if (!source.is_baseline && calendar->time_zone().empty()) {
    top.Fail("time_zone", "is missing: say for instance Europe/London");
  }
  ReadSpans(top, "terms", source, calendar->mutable_terms());
  ReadSpans(top, "closed", source, calendar->mutable_closed());
  const Node* schedules = top.Map("schedules");
  if (schedules == nullptr) return;
  for (const Node::Entry& entry : schedules->entries) {
    ReadSchedule(entry, source, draft);
  }
}

}  // namespace schoolgate::rules
