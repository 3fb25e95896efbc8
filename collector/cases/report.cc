#include "collector/cases/report.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "collector/cases/report_words.h"
#include "collector/cases/response_times.h"
#include "collector/cases/sight.h"
#include "collector/cases/words.h"
#include "collector/store/alert_brief.h"
#include "rules/policy/calendar.h"

namespace schoolgate::collector {
namespace {

// Devices may have been offline: a month is published when they had a week.
constexpr absl::Duration kGrace = absl::Hours(24 * 7);
constexpr uint64_t kBand = 5;
constexpr size_t kMostAlerts = 1'000'000;
constexpr std::array kAreas = {"content", "contact", "conduct", "commerce"};

absl::Status NoPeriod(const std::string& id) {
  return absl::InvalidArgumentError(absl::StrCat(
      id, ": not a period: write 2026-11, 2026-W47, 2026-autumn or 2026-year"));
}

Period Months(const std::string& id, const std::string& words, int year,
              int first, int count) {
  Period period{.id = id, .words = words};
  for (int i = 0; i < count; ++i) {
    period.months.emplace_back(year, first + i);
  }
  period.first = absl::CivilDay(period.months.front());
  period.after = absl::CivilDay(period.months.back() + 1);
  return period;
}

// The week that holds the year's first Thursday is its first.
Period Week(const std::string& id, int year, int week) {
  const absl::CivilDay fourth(year, 1, 4);
  absl::CivilDay monday = fourth;
  while (absl::GetWeekday(monday) != absl::Weekday::monday) --monday;
  Period period{.id = id};
  period.first = monday + 7 * (week - 1);
  period.after = period.first + 7;
  period.words = absl::StrCat(
      "week of ",
      absl::FormatTime("%e %B %Y",
                       absl::FromCivil(period.first, absl::UTCTimeZone()),
                       absl::UTCTimeZone()));
  return period;
}

std::string Band(uint64_t count) {
  if (count < kBand) return absl::StrCat("fewer than ", kBand);
  const uint64_t low = count / kBand * kBand;
  return absl::StrCat(low, " to ", low + kBand - 1);
}

std::string MonthId(absl::CivilMonth month) {
  return absl::StrCat(month.year(), month.month() < 10 ? "-0" : "-",
                      month.month());
}

// One month's bands, by area, as they are published: "content=5 to 9;...".
std::string MonthText(absl::CivilMonth month, std::span<const v1::Alert> alerts,
                      absl::TimeZone zone) {
  std::map<std::string, uint64_t> counts;
  for (const v1::Alert& alert : alerts) {
    const absl::Time raised = absl::FromUnixMicros(alert.raised_unix_us());
    if (absl::ToCivilMonth(raised, zone) == month) {
      ++counts[AreaOf(alert.category())];
    }
  }
  std::string text;
  for (const char* area : kAreas) {
    absl::StrAppend(&text, area, "=", Band(counts[area]), ";");
  }
  return text;
}

void Count(std::map<std::string, uint64_t>& to, const std::string& key,
           uint64_t times = 1) {
  to[key.empty() ? "Not known" : key] += times;
}

std::string Change(uint64_t now, uint64_t before) {
  if (before == 0) return now == 0 ? "" : "new";
  const auto percent = static_cast<int64_t>(now * 100 / before) - 100;
  return absl::StrCat(percent > 0 ? "+" : "", percent, " %");
}

ReportTable Table(std::string title, std::string name,
                  const std::map<std::string, uint64_t>& counts) {
  ReportTable table;
  table.title = std::move(title);
  table.columns = {std::move(name), "Alerts"};
  table.plot = true;
  std::vector<std::pair<std::string, uint64_t>> sorted(counts.begin(),
                                                       counts.end());
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [key, count] : sorted) {
    table.rows.push_back({key, absl::StrCat(count)});
  }
  return table;
}

// In this order, and none that nobody counted.
ReportTable Ordered(std::string title, std::string name,
                    std::span<const std::string> order,
                    const std::map<std::string, uint64_t>& counts) {
  ReportTable table;
  table.title = std::move(title);
  table.columns = {std::move(name), "Alerts"};
  table.plot = true;
  for (const std::string& key : order) {
    const auto found = counts.find(key);
    if (found != counts.end()) {
      table.rows.push_back({key, absl::StrCat(found->second)});
    }
  }
  return table;
}

std::string Weekday(absl::CivilDay day, absl::TimeZone zone) {
  return absl::FormatTime("%A", absl::FromCivil(day, zone), zone);
}

// The Monday of its week: "2026-11-23".
std::string WeekOf(absl::CivilDay day) {
  while (absl::GetWeekday(day) != absl::Weekday::monday) --day;
  return absl::FormatCivilTime(day);
}

// When and where, by what is known of each alert's first contact.
void AddTimes(std::span<const v1::Alert> alerts, absl::TimeZone zone,
              const v1::CompiledPolicy* policy, Report* report) {
  static const std::vector<std::string> days = {
      "Monday", "Tuesday",  "Wednesday", "Thursday",
      "Friday", "Saturday", "Sunday"};
  std::map<std::string, uint64_t> week, day, hour, lesson, place;
  std::map<absl::CivilDay, uint64_t> by_day;
  std::array<uint64_t, 24> by_hour = {};
  uint64_t in_lessons = 0;
  const rules::Calendar calendar =
      policy == nullptr
          ? rules::Calendar()
          : rules::Calendar(policy->calendar(), policy->schedules());
  for (const v1::Alert& alert : alerts) {
    const int64_t us = alert.first_unix_us() != 0 ? alert.first_unix_us()
                                                  : alert.raised_unix_us();
    const absl::Time first = absl::FromUnixMicros(us);
    const absl::CivilHour local = absl::ToCivilHour(first, zone);
    ++by_day[absl::CivilDay(local)];
    ++by_hour[static_cast<size_t>(local.hour())];
    in_lessons += calendar.InLesson(absl::ToUnixSeconds(first));
    ++place[alert.incident().where()];
  }
  for (const auto& [one, count] : by_day) {
    Count(week, WeekOf(one), count);
    Count(day, Weekday(one, zone), count);
  }
  for (size_t i = 0; i < by_hour.size(); ++i) {
    if (by_hour[i] == 0) continue;
    Count(hour, absl::StrCat(i < 10 ? "0" : "", i, ":00"), by_hour[i]);
  }
  if (in_lessons > 0) Count(lesson, "In lessons", in_lessons);
  if (in_lessons < alerts.size()) {
    Count(lesson, "Outside lessons", alerts.size() - in_lessons);
  }
  if (const auto nowhere = place.extract(""); !nowhere.empty()) {
    Count(place, "Not written down", nowhere.mapped());
  }
  const auto keys = [](const std::map<std::string, uint64_t>& counts) {
    std::vector<std::string> all;
    for (const auto& [key, count] : counts) all.push_back(key);
    return all;
  };
  report->tables.push_back(
      Ordered("Alerts by week", "Week of", keys(week), week));
  for (auto& row : report->tables.back().rows) {
    absl::CivilDay monday;
    if (absl::ParseCivilTime(row[0], &monday)) {
      row[0] =
          absl::FormatTime("%-d %b %Y", absl::FromCivil(monday, zone), zone);
    }
  }
  report->tables.push_back(
      Ordered("Alerts by day of the week", "Day", days, day));
  report->tables.push_back(
      Ordered("Alerts by hour of the day", "Hour", keys(hour), hour));
  if (policy != nullptr &&
      std::any_of(policy->schedules().begin(), policy->schedules().end(),
                  [](const auto& one) { return one.lesson(); })) {
    report->tables.push_back(Table("In lessons and outside", "When", lesson));
  }
  report->tables.push_back(
      Table("Alerts by place, as the incident log has it", "Place", place));
}

const char* EndWords(const v1::Alert& alert) {
  if (alert.state() != v1::ALERT_STATE_CLOSED) return "Not finished yet";
  const std::string& outcome = alert.incident().outcome();
  if (outcome == "false_alarm") return "False alarm";
  if (outcome == "no_action") return "True, but no action needed";
  if (outcome == "handled") return "Dealt with in school";
  if (outcome == "referred") return "Passed on to others";
  return "Withdrawn";
}

// One of each sort that has the same words, and how many there are.
std::vector<std::pair<const v1::Alert*, uint64_t>> Alike(
    std::span<const v1::Alert> alerts) {
  std::unordered_map<std::string, size_t> at;
  std::vector<std::pair<const v1::Alert*, uint64_t>> sorts;
  std::string key;
  for (const v1::Alert& alert : alerts) {
    key.clear();
    absl::StrAppend(&key, alert.severity(), " ", alert.state(), "\n",
                    alert.rule(), "\n", alert.category(), "\n", alert.group(),
                    "\n", alert.incident().outcome());
    const auto [found, fresh] = at.try_emplace(key, sorts.size());
    if (fresh) sorts.emplace_back(&alert, 0);
    ++sorts[found->second].second;
  }
  return sorts;
}

ReportTable Contacts(std::span<const HourCount> counts,
                     std::span<const HourCount> before) {
  std::map<std::string, std::array<uint64_t, 2>> sums;
  for (const HourCount& one : counts) {
    sums[Capital(CategoryWords(one.category))][0] += one.contacts;
  }
  for (const HourCount& one : before) {
    sums[Capital(CategoryWords(one.category))][1] += one.contacts;
  }
  ReportTable table;
  table.title = "Contacts that the policy covers";
  table.note =
      "A contact is one connection to a host. It does not say that somebody "
      "read anything there; most are made by programs and pages themselves.";
  table.columns = {"Kind", "Period before", "Change", "Contacts"};
  table.plot = true;
  for (const auto& [kind, sum] : sums) {
    table.rows.push_back({kind, absl::StrCat(sum[1]), Change(sum[0], sum[1]),
                          absl::StrCat(sum[0])});
  }
  std::stable_sort(table.rows.begin(), table.rows.end(),
                   [](const auto& a, const auto& b) {
                     uint64_t left = 0, right = 0;
                     (void)absl::SimpleAtoi(a.back(), &left);
                     (void)absl::SimpleAtoi(b.back(), &right);
                     return left > right;
                   });
  return table;
}

ReportTable Hours(std::span<const HourCount> counts, absl::TimeZone zone) {
  std::map<int, uint64_t> hours;
  for (const HourCount& one : counts) {
    hours[static_cast<int>(absl::ToCivilHour(one.hour, zone).hour())] +=
        one.contacts;
  }
  ReportTable table;
  table.title = "Contacts by hour of the day";
  table.columns = {"Hour", "Contacts"};
  table.plot = true;
  for (const auto& [hour, count] : hours) {
    table.rows.push_back(
        {absl::StrCat(hour < 10 ? "0" : "", hour, ":00"), absl::StrCat(count)});
  }
  return table;
}

}  // namespace

absl::StatusOr<Period> ParsePeriod(const std::string& id) {
  const std::vector<std::string> parts = absl::StrSplit(id, '-');
  int year = 0, number = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &year) || year < 2020 ||
      year > 2200) {
    return NoPeriod(id);
  }
  const std::string& part = parts[1];
  if (part == "spring") {
    return Months(id, absl::StrCat("spring ", year), year, 1, 3);
  }
  if (part == "summer") {
    return Months(id, absl::StrCat("summer ", year), year, 4, 5);
  }
  if (part == "autumn") {
    return Months(id, absl::StrCat("autumn ", year), year, 9, 4);
  }
  if (part == "year") {
    return Months(id, absl::StrCat("school year ", year, "/", (year + 1) % 100),
                  year, 9, 12);
  }
  if (part.size() > 1 && part[0] == 'W' &&
      absl::SimpleAtoi(part.substr(1), &number) && number >= 1 &&
      number <= 53) {
    return Week(id, year, number);
  }
  if (part.size() == 2 && absl::SimpleAtoi(part, &number) && number >= 1 &&
      number <= 12) {
    const absl::Time time =
        absl::FromCivil(absl::CivilDay(year, number, 1), absl::UTCTimeZone());
    return Months(id, absl::FormatTime("%B %Y", time, absl::UTCTimeZone()),
                  year, number, 1);
  }
  return NoPeriod(id);
}

std::string AreaOf(const std::string& category) {
  static const std::map<std::string, std::string> areas = [] {
    std::map<std::string, std::string> all;
    const std::pair<const char*, const char*> lists[] = {
        {"content",
         "child-abuse terrorism illegal-adult criminal-hate adult hate "
         "violence weapons self-harm suicide eating-disorder drugs alcohol "
         "misinformation"},
        {"contact",
         "social messaging chat dating forums newsgroups anonymous-messaging"},
        {"conduct",
         "bypass remote-access file-sharing piracy games games-educational "
         "video music-download webmail ai software-download video-conference "
         "private-business politics blogs bulk-transfer"},
        {"commerce", "gambling shopping scam phishing"}};
    for (const auto& [area, categories] : lists) {
      for (absl::string_view one : absl::StrSplit(categories, ' ')) {
        all.emplace(one, area);
      }
    }
    return all;
  }();
  const auto found = areas.find(category);
  return found == areas.end() ? "device" : found->second;
}

absl::StatusOr<std::vector<v1::Alert>> AlertsForGovernors(
    AlertStore& alerts, const std::string& school, const Period& period,
    AgreementStore& published, absl::TimeZone zone,
    std::span<const Account> everybody) {
  std::vector<v1::Alert> all;
  for (const absl::CivilMonth month : period.months) {
    if (published.Published(school, MonthId(month)).ok()) continue;
    AlertQuery query;
    query.school = school;
    query.limit = kMostAlerts;
    query.raised_from = absl::FromCivil(absl::CivilDay(month), zone);
    query.raised_to = absl::FromCivil(absl::CivilDay(month + 1), zone);
    query.brief = std::all_of(
        everybody.begin(), everybody.end(),
        [](const Account& one) { return MentionsTell(one.own_pseudonym); });
    absl::StatusOr<std::vector<v1::Alert>> found = alerts.Find(query);
    if (!found.ok()) return found;
    std::move(found->begin(), found->end(), std::back_inserter(all));
  }
  std::erase_if(
      all, [&](const v1::Alert& alert) { return NamesAny(alert, everybody); });
  return all;
}

absl::StatusOr<Report> GovernorsReport(const std::string& school,
                                       const Period& period,
                                       std::span<const v1::Alert> alerts,
                                       AgreementStore& published,
                                       absl::Time now, absl::TimeZone zone) {
  Report report;
  report.title = "Online safety: report to governors";
  report.period = period.words;
  ReportTable& table = report.tables.emplace_back();
  table.title = "Alerts by month and area";
  table.note =
      "In bands of five, so that no person can be worked out. A month is "
      "published a week after its end and does not change afterwards.";
  table.columns = {"Month", "Content", "Contact", "Conduct", "Commerce"};
  for (const absl::CivilMonth month : period.months) {
    if (now < absl::FromCivil(absl::CivilDay(month + 1), zone) + kGrace) {
      continue;
    }
    absl::StatusOr<std::string> text =
        published.Published(school, MonthId(month));
    if (absl::IsNotFound(text.status())) {
      text = published.Publish(school, MonthId(month),
                               MonthText(month, alerts, zone));
    }
    if (!text.ok()) return text.status();
    std::vector<std::string>& row = table.rows.emplace_back();
    row.push_back(absl::FormatTime(
        "%B %Y", absl::FromCivil(absl::CivilDay(month), absl::UTCTimeZone()),
        absl::UTCTimeZone()));
    for (absl::string_view cell :
         absl::StrSplit(*text, ';', absl::SkipEmpty())) {
      row.emplace_back(cell.substr(cell.find('=') + 1));
    }
  }
  return report;
}

Report LeadersReport(const Period& period, std::span<const v1::Alert> alerts,
                     std::span<const HourCount> counts,
                     std::span<const HourCount> counts_before,
                     absl::TimeZone zone, const v1::CompiledPolicy* policy) {
  static const std::vector<std::string> severities = {
      "Illegal material", "Serious", "Rule break", "Routine"};
  Report report;
  report.title = "Online safety: report to leaders";
  report.period = period.words;
  std::map<std::string, uint64_t> severity, area, category, group, end;
  for (const auto& [alert, times] : Alike(alerts)) {
    Count(severity, SeverityWords(alert->severity()), times);
    Count(area, AreaWords(*alert), times);
    if (!alert->category().empty()) {
      Count(category, Capital(CategoryWords(alert->category())), times);
    }
    Count(group, GroupWords(policy, alert->group()), times);
    Count(end, EndWords(*alert), times);
  }
  report.tables.push_back(
      Ordered("Alerts by severity", "Severity", severities, severity));
  report.tables.push_back(Ordered("Alerts by area", "Area", Areas(), area));
  report.tables.push_back(Table("Alerts by group", "Group", group));
  report.tables.push_back(Table("How they ended", "End", end));
  report.tables.push_back(Contacts(counts, counts_before));
  report.tables.push_back(Hours(counts, zone));
  AddTimes(alerts, zone, policy, &report);
  for (ReportTable& table : ResponseTables(alerts)) {
    report.tables.push_back(std::move(table));
  }
  report.tables.push_back(Table("Alerts by category", "Category", category));
  return report;
}

nlohmann::json ReportJson(const Report& report) {
  nlohmann::json tables = nlohmann::json::array();
  for (const ReportTable& table : report.tables) {
    tables.push_back({{"title", table.title},
                      {"note", table.note},
                      {"columns", table.columns},
                      {"rows", table.rows},
                      {"plot", table.plot},
                      {"trend", table.trend}});
  }
  return {{"title", report.title},
          {"period", report.period},
          {"tables", std::move(tables)}};
}

std::string ReportCsv(const Report& report) {
  std::string text;
  const auto line = [&text](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      absl::StrAppend(&text, i == 0 ? "\"" : ",\"",
                      absl::StrReplaceAll(cells[i], {{"\"", "\"\""}}), "\"");
    }
    text += "\r\n";
  };
  line({report.title, report.period});
  for (const ReportTable& table : report.tables) {
    line({""});
    line({table.title});
    line(table.columns);
    for (const auto& row : table.rows) line(row);
  }
  return text;
}

}  // namespace schoolgate::collector
