// Reports: figures of a period in tables, for governors or for the head and
// senior leaders.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "collector/store/account_store.h"
#include "collector/store/agreement_store.h"
#include "collector/store/alert_store.h"
#include "collector/store/event_store.h"
#include "proto/alert.pb.h"
#include "proto/policy.pb.h"

namespace schoolgate::collector {

// "2026-11", "2026-W47", "2026-spring" (January to March), "2026-summer" (April
// to August), "2026-autumn" (September to December), "2026-year" (September to
// August).
struct Period {
  std::string id;
  std::string words;                     // "November 2026"
  absl::CivilDay first, after;           // [first, after)
  std::vector<absl::CivilMonth> months;  // empty for a week
};
// INVALID_ARGUMENT says how a period is written.
absl::StatusOr<Period> ParsePeriod(const std::string& id);

// The area of online safety that a category belongs to: content, contact,
// conduct, commerce; "device" for none.
std::string AreaOf(const std::string& category);

struct ReportTable {
  std::string title;
  std::string note;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  bool plot = false;   // the last column are numbers worth a picture
  bool trend = false;  // the columns after the first are one number over time
};

struct Report {
  std::string title, period;
  std::vector<ReportTable> tables;
};

// Governors' figures: alerts about people by month and area, in bands of five.
//
// Each number counts alerts that no other number counts, there are no totals
// and no other periods than whole months, and a month is published once, a
// week after its end, and stays as it was: no two answers, however they are
// subtracted, say more than the bands. `alerts`: AlertsForGovernors. Months not
// over yet are left out.
absl::StatusOr<Report> GovernorsReport(const std::string& school,
                                       const Period& period,
                                       std::span<const v1::Alert> alerts,
                                       AgreementStore& published,
                                       absl::Time now, absl::TimeZone zone);

// The school's alerts of the period's months that are not published yet, for
// the governors' report: none that names the owner of an account, so that the
// figures are the same for every reader.
absl::StatusOr<std::vector<v1::Alert>> AlertsForGovernors(
    AlertStore& alerts, const std::string& school, const Period& period,
    AgreementStore& published, absl::TimeZone zone,
    std::span<const Account> everybody);

// Exact figures, for those who may see the alerts anyhow. `alerts`: those that
// the reader may see; `counts_before`: of as long a time before. `policy`: the
// school's, for its groups' names and its lessons; may be null.
Report LeadersReport(const Period& period, std::span<const v1::Alert> alerts,
                     std::span<const HourCount> counts,
                     std::span<const HourCount> counts_before,
                     absl::TimeZone zone,
                     const v1::CompiledPolicy* policy = nullptr);

nlohmann::json ReportJson(const Report& report);
// RFC 4180: the tables one below the other, each under its title.
std::string ReportCsv(const Report& report);

}  // namespace schoolgate::collector
