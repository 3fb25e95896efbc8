// Reports on screen and as CSV.
#include "absl/strings/str_cat.h"
#include "collector/cases/contacts.h"
#include "collector/cases/report.h"
#include "collector/cases/response_times.h"
#include "collector/cases/trends.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostAlerts = 100'000;

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
    const Account& reader, const Period& period, const Readers& everybody) {
  AlertQuery query;
  query.school = reader.school;
  query.limit = kMostAlerts;
  query.raised_from = Start(period.first, facts_.zone);
  query.raised_to = Start(period.after, facts_.zone);
  absl::StatusOr<std::vector<v1::Alert>> alerts = stores_.alerts.Find(query);
  if (!alerts.ok()) return alerts;
  std::erase_if(*alerts, [&](const v1::Alert& alert) {
    return SightOf(reader, alert, everybody) != Sight::kFull;
  });
  return alerts;
}

absl::StatusOr<Report> Api::LeadersFigures(const Account& reader,
                                           const Period& period,
                                           const Readers& everybody) {
  const auto alerts = AlertsOfPeriod(reader, period, everybody);
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

// Exact months for those who may see the alerts, the governors' for others;
// and all schools' governors' figures where the trust compares them.
absl::StatusOr<Report> Api::Trends(const Account& reader, const Period& period,
                                   const Readers& everybody) {
  absl::StatusOr<Report> report;
  if (RoleMay(reader.role, Endpoint::kBudget)) {
    const auto alerts = AlertsOfPeriod(reader, period, everybody);
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

Response Api::ShowReport(const Request& request, const Caller& caller) {
  const Account& reader = caller.account;
  const std::string kind = request.Query("kind");
  if (kind == "leaders" && !RoleMay(reader.role, Endpoint::kBudget)) {
    return Refusal(403, "not_your_role", "Your role does not include this.");
  }
  const absl::StatusOr<Period> period = ParsePeriod(request.Query("period"));
  if (!period.ok()) {
    return Refusal(400, "incomplete", std::string(period.status().message()));
  }
  if (kind != "leaders" && period->months.empty()) {
    return Refusal(400, "incomplete",
                   kind == "trends" ? "Trends are by whole months."
                                    : "The governors' report is by whole "
                                      "months.");
  }
  const Readers everybody = Everybody();
  const absl::StatusOr<Report> report =
      kind == "leaders"  ? LeadersFigures(reader, *period, everybody)
      : kind == "trends" ? Trends(reader, *period, everybody)
                         : GovernorsFigures(reader.school, *period, everybody);
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
