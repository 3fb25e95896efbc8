// Reports on screen and as CSV.
#include "absl/strings/str_cat.h"
#include "collector/cases/contacts.h"
#include "collector/cases/effect.h"
#include "collector/cases/report.h"
#include "collector/cases/response_times.h"
#include "collector/cases/trends.h"
#include "collector/store/alert_brief.h"
#include "collector/web/api.h"
#include "collector/web/review_facts.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostAlerts = 100'000;
constexpr int kLongestChanges = 160;  // days

absl::Time Start(absl::CivilDay day, absl::TimeZone zone) {
  return absl::FromCivil(day, zone);
}

}  // namespace

absl::StatusOr<Report> Api::GovernorsFigures(const std::string& school,
                                             const Period& period,
                                             const Readers& everybody) {
  if (stores_.agreements == nullptr) {
    return absl::UnavailableError("nothing can be published");
  }
  absl::StatusOr<std::vector<v1::Alert>> alerts =
      AlertsForGovernors(stores_.alerts, school, period, *stores_.agreements,
                         facts_.zone, everybody.accounts);
  if (!alerts.ok()) return alerts.status();
  return GovernorsReport(school, period, *alerts, *stores_.agreements,
                         clock_.Now(), facts_.zone);
}

absl::StatusOr<std::vector<v1::Alert>> Api::AlertsOfPeriod(
    const Account& reader, const std::string& school, const Period& period,
    const Readers& everybody, Sight least) {
  AlertQuery query;
  query.school = school;
  query.limit = kMostAlerts;
  query.raised_from = Start(period.first, facts_.zone);
  query.raised_to = Start(period.after, facts_.zone);
  query.brief = MentionsTell(reader.own_pseudonym);
  absl::StatusOr<std::vector<v1::Alert>> alerts = stores_.alerts.Find(query);
  if (!alerts.ok()) return alerts;
  SightOfMany sight(reader, everybody);
  std::erase_if(*alerts,
                [&](const v1::Alert& alert) { return sight(alert) < least; });
  return alerts;
}

absl::StatusOr<Report> Api::LeadersFigures(const Account& reader,
                                           const Period& period,
                                           const Readers& everybody) {
  const auto alerts = AlertsOfPeriod(reader, reader.school, period, everybody);
  if (!alerts.ok()) return alerts.status();
  absl::StatusOr<std::vector<HourCount>> counts = std::vector<HourCount>(),
                                         before = counts;
  if (stores_.events != nullptr) {
    const absl::Time from = Start(period.first, facts_.zone);
    const absl::Time earlier =
        Start(period.first - (period.after - period.first), facts_.zone);
    counts = stores_.events->Counts(reader.school, from,
                                    Start(period.after, facts_.zone));
    before = stores_.events->Counts(reader.school, earlier, from);
  }
  if (!counts.ok()) return counts.status();
  if (!before.ok()) return before.status();
  Report report =
      LeadersReport(period, *alerts, *counts, *before, facts_.zone,
                    PolicyOf(stores_.policies, reader.school).get());
  const auto book = ContactsOf(stores_.agreements, reader.school);
  if (!book.ok()) return book.status();
  report.tables.push_back(ContactTable(*book, facts_.zone));
  return report;
}

absl::StatusOr<Report> Api::DeviceFigures(const Account& reader,
                                          const std::string& school,
                                          const Period& period,
                                          const Readers& everybody) {
  const auto alerts =
      AlertsOfPeriod(reader, school, period, everybody, Sight::kHealth);
  if (!alerts.ok()) return alerts.status();
  const auto devices = stores_.devices.All(school);
  if (!devices.ok()) return devices.status();
  return DevicesReport(period, *devices, *alerts, clock_.Now(), facts_.zone);
}

absl::StatusOr<Report> Api::EffectFigures(const Account& reader,
                                          const Period& period,
                                          const Readers& everybody) {
  const auto alerts = AlertsOfPeriod(reader, reader.school, period, everybody);
  if (!alerts.ok()) return alerts.status();
  absl::StatusOr<std::vector<HourCount>> counts = std::vector<HourCount>();
  if (stores_.events != nullptr) {
    counts =
        stores_.events->Counts(reader.school, Start(period.first, facts_.zone),
                               Start(period.after, facts_.zone));
  }
  if (!counts.ok()) return counts.status();
  return EffectReport(period, *alerts, *counts,
                      PolicyOf(stores_.policies, reader.school).get());
}

// Exact months for those who may see the alerts, the governors' for others;
// and all schools' governors' figures where the trust compares them.
absl::StatusOr<Report> Api::Trends(const Account& reader, const Period& period,
                                   const Readers& everybody) {
  absl::StatusOr<Report> report;
  if (RoleMay(reader.role, Endpoint::kBudget)) {
    const auto alerts =
        AlertsOfPeriod(reader, reader.school, period, everybody);
    if (!alerts.ok()) return alerts.status();
    report = TrendsReport(period, *alerts, clock_.Now(), facts_.zone,
                          PolicyOf(stores_.policies, reader.school).get());
  } else {
    report = GovernorsFigures(reader.school, period, everybody);
    if (!report.ok()) return report;
    report->title = "Online safety: trends";
  }
  std::vector<SchoolFigures> schools;
  for (const auto& [id, name] : facts_.compared) {
    absl::StatusOr<Report> figures = GovernorsFigures(id, period, everybody);
    if (!figures.ok()) return figures.status();
    schools.push_back({name, *std::move(figures)});
  }
  for (ReportTable& table : BySchool(schools)) {
    report->tables.push_back(std::move(table));
  }
  return report;
}

// For who sees no single alert: how quickly a month's were dealt with.
Response Api::ShowResponseTimes(const Caller& caller) {
  AlertQuery query;
  query.school = caller.account.school;
  query.limit = kMostAlerts;
  query.raised_from = clock_.Now() - absl::Hours(24 * 366);
  absl::StatusOr<std::vector<v1::Alert>> alerts = stores_.alerts.Find(query);
  if (!alerts.ok()) {
    return Refusal(503, "no_times", "This cannot be read at the moment.");
  }
  if (auto failed = Record(caller.account.name, "view_response", "", "")) {
    return *failed;
  }
  const Readers everybody = Everybody();
  std::erase_if(*alerts, [&](const v1::Alert& alert) {
    return SightOf(caller.account, alert, everybody) == Sight::kNothing;
  });
  nlohmann::json months = nlohmann::json::array();
  for (const MonthlyResponse& one : ResponseByMonth(*alerts, facts_.zone)) {
    months.push_back({{"month", one.month},
                      {"looked_at", one.looked_at},
                      {"closed", one.closed}});
  }
  return JsonAnswer({{"months", std::move(months)}});
}

absl::StatusOr<Report> Api::ReportOf(const std::string& kind,
                                     const Account& reader,
                                     const std::string& school,
                                     const Period& period) {
  const Readers everybody = Everybody();
  if (kind == "leaders") return LeadersFigures(reader, period, everybody);
  if (kind == "effect") return EffectFigures(reader, period, everybody);
  if (kind == "devices") {
    return DeviceFigures(reader, school, period, everybody);
  }
  if (kind == "trends") return Trends(reader, period, everybody);
  if (kind == "changes") return ChangeFigures(school, period);
  return GovernorsFigures(school, period, everybody);
}

Response Api::ShowReport(const Request& request, const Caller& caller) {
  const Account& reader = caller.account;
  const std::string kind = request.Query("kind");
  const bool leads = RoleMay(reader.role, Endpoint::kBudget);
  const bool exact = kind == "leaders" || kind == "effect";
  const bool devices = kind == "devices";
  if ((exact && !leads) ||
      (devices && !RoleMay(reader.role, Endpoint::kDevices))) {
    return Refusal(403, "not_your_role", "Your role does not include this.");
  }
  if (!devices && reader.role == Role::kItProvider) {
    return Refusal(403, "devices_only",
                   "Your role has the report on devices alone.");
  }
  const absl::StatusOr<Period> period = ParsePeriod(request.Query("period"));
  if (!period.ok()) {
    return Refusal(400, "incomplete", std::string(period.status().message()));
  }
  const bool changes = kind == "changes";
  if (changes && period->after - period->first > kLongestChanges) {
    return Refusal(400, "incomplete", "Changes are shown for a term at most.");
  }
  if (!exact && !devices && !changes && period->months.empty()) {
    return Refusal(400, "incomplete",
                   kind == "trends" ? "Trends are by whole months."
                                    : "The governors' report is by whole "
                                      "months.");
  }
  Response refusal;
  const std::optional<std::string> school =
      SchoolFor(request, caller, &refusal);
  if (!school) return refusal;
  const absl::StatusOr<Report> report =
      ReportOf(kind, reader, *school, *period);
  if (!report.ok()) {
    return Refusal(503, "no_report", "This cannot be read at the moment.");
  }
  const bool csv = request.Query("format") == "csv";
  if (auto failed = Record(reader.name, csv ? "export_report" : "view_report",
                           "", absl::StrCat(kind, " ", period->id))) {
    return *failed;
  }
  if (!csv) return JsonAnswer(ReportJson(*report));
  Response response;
  response.type = "text/csv; charset=utf-8";
  response.body = ReportCsv(*report);
  return response;
}

}  // namespace schoolgate::collector
