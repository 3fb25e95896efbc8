#include "collector/cases/trends.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "collector/cases/report_words.h"
#include "collector/cases/words.h"
#include "rules/policy/calendar.h"

namespace schoolgate::collector {
namespace {

// Beyond these the rest is one line: a table of a page, not of a wall.
constexpr size_t kMostRows = 30;

// Counts of one way to divide the alerts: by its parts, then by month.
class Division {
 public:
  Division(std::string title, std::string name, size_t months)
      : months_(months) {
    table_.title = std::move(title);
    table_.columns.push_back(std::move(name));
  }

  void Count(const std::string& part, size_t month) {
    std::vector<uint64_t>& row = parts_[part.empty() ? "Not known" : part];
    row.resize(months_);
    ++row[month];
  }

  // The largest first; parts in the order given come before all others.
  ReportTable Table(std::span<const std::string> months,
                    std::span<const std::string> order = {}) {
    table_.columns.insert(table_.columns.end(), months.begin(), months.end());
    table_.trend = true;
    std::vector<std::pair<std::string, std::vector<uint64_t>>> rows(
        parts_.begin(), parts_.end());
    const auto rank = [&](const auto& row) {
      const auto at = std::find(order.begin(), order.end(), row.first);
      uint64_t sum = 0;
      for (const uint64_t count : row.second) sum += count;
      return std::make_pair(at - order.begin(), ~sum);
    };
    std::stable_sort(
        rows.begin(), rows.end(),
        [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    while (rows.size() > kMostRows) {
      const std::vector<uint64_t> last = std::move(rows.back().second);
      rows.pop_back();
      rows[kMostRows - 1].first = "All others";
      for (size_t i = 0; i < last.size(); ++i) {
        rows[kMostRows - 1].second[i] += last[i];
      }
    }
    for (auto& [part, counts] : rows) {
      std::vector<std::string>& cells = table_.rows.emplace_back();
      cells.push_back(part);
      for (const uint64_t count : counts) {
        cells.push_back(absl::StrCat(count));
      }
    }
    return std::move(table_);
  }

 private:
  size_t months_;
  ReportTable table_;
  std::map<std::string, std::vector<uint64_t>> parts_;
};

std::string PartOfDay(absl::Time time, absl::TimeZone zone) {
  const int hour = absl::ToCivilHour(time, zone).hour();
  if (hour < 7) return "Night, before 07:00";
  if (hour < 9) return "Before school, 07:00 to 09:00";
  if (hour < 12) return "Morning, 09:00 to 12:00";
  if (hour < 16) return "Afternoon, 12:00 to 16:00";
  return hour < 19 ? "After school, 16:00 to 19:00" : "Evening, after 19:00";
}

const std::vector<std::string>& PartsOfDay() {
  static const std::vector<std::string> parts = {
      "Before school, 07:00 to 09:00", "Morning, 09:00 to 12:00",
      "Afternoon, 12:00 to 16:00",     "After school, 16:00 to 19:00",
      "Evening, after 19:00",          "Night, before 07:00"};
  return parts;
}

std::string MonthWords(absl::CivilMonth month) {
  return absl::FormatTime(
      "%b %Y", absl::FromCivil(absl::CivilDay(month), absl::UTCTimeZone()),
      absl::UTCTimeZone());
}

std::string PlaceWords(const v1::Alert& alert) {
  return alert.incident().where().empty() ? "Not written down"
                                          : alert.incident().where();
}

}  // namespace

Report TrendsReport(const Period& period, std::span<const v1::Alert> alerts,
                    absl::Time now, absl::TimeZone zone,
                    const v1::CompiledPolicy* policy) {
  Report report;
  report.title = "Online safety: trends";
  report.period = period.words;
  std::vector<absl::CivilMonth> months;
  std::vector<std::string> names;
  for (const absl::CivilMonth month : period.months) {
    if (absl::FromCivil(absl::CivilDay(month), zone) > now) continue;
    months.push_back(month);
    names.push_back(MonthWords(month));
  }
  Division area("By area", "Area", months.size());
  Division category("By category", "Category", months.size());
  Division group("By group", "Group", months.size());
  Division place("By place, as the incident log has it", "Place",
                 months.size());
  Division part("By time of day", "Time", months.size());
  Division lesson("In lessons and outside", "When", months.size());
  const rules::Calendar calendar =
      policy == nullptr
          ? rules::Calendar()
          : rules::Calendar(policy->calendar(), policy->schedules());
  for (const v1::Alert& alert : alerts) {
    const absl::Time raised = absl::FromUnixMicros(alert.raised_unix_us());
    const auto at = std::find(months.begin(), months.end(),
                              absl::ToCivilMonth(raised, zone));
    if (at == months.end()) continue;
    const size_t month = static_cast<size_t>(at - months.begin());
    const absl::Time first = alert.first_unix_us() == 0
                                 ? raised
                                 : absl::FromUnixMicros(alert.first_unix_us());
    area.Count(AreaWords(alert), month);
    category.Count(alert.category().empty()
                       ? AreaWords(alert)
                       : Capital(CategoryWords(alert.category())),
                   month);
    group.Count(GroupWords(policy, alert.group()), month);
    place.Count(PlaceWords(alert), month);
    part.Count(PartOfDay(first, zone), month);
    lesson.Count(calendar.InLesson(absl::ToUnixSeconds(first))
                     ? "In lessons"
                     : "Outside lessons",
                 month);
  }
  report.tables.push_back(area.Table(names, Areas()));
  report.tables.push_back(category.Table(names));
  report.tables.push_back(group.Table(names));
  report.tables.push_back(place.Table(names));
  report.tables.push_back(part.Table(names, PartsOfDay()));
  if (policy != nullptr &&
      std::any_of(policy->schedules().begin(), policy->schedules().end(),
                  [](const auto& one) { return one.lesson(); })) {
    report.tables.push_back(lesson.Table(names));
  }
  return report;
}

std::vector<ReportTable> BySchool(std::span<const SchoolFigures> schools) {
  std::vector<ReportTable> tables;
  if (schools.empty() || schools[0].governors.tables.empty()) return tables;
  const ReportTable& shape = schools[0].governors.tables[0];
  for (size_t column = 1; column < shape.columns.size(); ++column) {
    ReportTable& table = tables.emplace_back();
    table.title = absl::StrCat(shape.columns[column], ", by school");
    table.note =
        "In bands of five, as each school's governors see them: no person can "
        "be worked out. Schools differ in size; a large number may be a school "
        "that looks closely.";
    table.columns.push_back("School");
    for (const auto& row : shape.rows) table.columns.push_back(row[0]);
    for (const SchoolFigures& one : schools) {
      std::vector<std::string>& cells = table.rows.emplace_back();
      cells.push_back(one.school);
      for (const auto& row : one.governors.tables[0].rows) {
        cells.push_back(row[column]);
      }
    }
  }
  return tables;
}

}  // namespace schoolgate::collector
