// Reports on screen and as CSV.
#include "absl/strings/str_cat.h"
#include "collector/cases/report.h"
#include "collector/web/api.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostAlerts = 100'000;

absl::Time Start(absl::CivilDay day, absl::TimeZone zone) {
  return absl::FromCivil(day, zone);
}

}  // namespace

Response Api::ShowReport(const Request& request, const Caller& caller) {
  const Account& reader = caller.account;
  const std::string kind = request.Query("kind");
  const bool governors = kind != "leaders";
  if (!governors && !RoleMay(reader.role, Endpoint::kBudget)) {
    return Refusal(403, "not_your_role", "Your role does not include this.");
  }
  const absl::StatusOr<Period> period = ParsePeriod(request.Query("period"));
  if (!period.ok()) {
    return Refusal(400, "incomplete", std::string(period.status().message()));
  }
  if (governors && period->months.empty()) {
    return Refusal(400, "incomplete",
                   "The governors' report is by whole months.");
  }
  const absl::Time from = Start(period->first, facts_.zone);
  const absl::Time to = Start(period->after, facts_.zone);
  const Readers everybody = Everybody();
  AlertQuery query;
  query.school = reader.school;
  query.limit = kMostAlerts;
  query.raised_from = from;
  query.raised_to = to;
  if (governors && stores_.agreements == nullptr) {
    return Refusal(503, "no_report", "This cannot be read at the moment.");
  }
  absl::StatusOr<std::vector<v1::Alert>> alerts =
      governors ? AlertsForGovernors(stores_.alerts, reader.school, *period,
                                     *stores_.agreements, facts_.zone,
                                     everybody.accounts)
                : stores_.alerts.Find(query);
  if (!alerts.ok()) {
    return Refusal(503, "no_report", "This cannot be read at the moment.");
  }
  std::erase_if(*alerts, [&](const v1::Alert& alert) {
    return !governors && SightOf(reader, alert, everybody) != Sight::kFull;
  });
  absl::StatusOr<Report> report;
  if (governors) {
    report = GovernorsReport(reader.school, *period, *alerts,
                             *stores_.agreements, clock_.Now(), facts_.zone);
  } else {
    absl::StatusOr<std::vector<HourCount>> counts = std::vector<HourCount>(),
                                           before = counts;
    if (stores_.events != nullptr) {
      const absl::Time earlier =
          Start(period->first - (period->after - period->first), facts_.zone);
      counts = stores_.events->Counts(reader.school, from, to);
      before = stores_.events->Counts(reader.school, earlier, from);
    }
    if (!counts.ok() || !before.ok()) {
      return Refusal(503, "no_report", "This cannot be read at the moment.");
    }
    report = LeadersReport(*period, *alerts, *counts, *before, facts_.zone,
                           PolicyOf(stores_.policies, reader.school).get());
  }
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
