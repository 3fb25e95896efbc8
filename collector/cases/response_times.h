// How soon people looked at alerts, and how soon they were done with them:
// "quickly and sensitively" in figures.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "collector/cases/report.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// A person has done something with it, or closed it: the first keeps its time,
// the second is forgotten when the case is opened again. For every change of
// state that a person makes.
void NoteResponse(absl::Time now, v1::Alert* alert);

// Exact, by severity: how many were looked at, within what time half and nine
// in ten of them, and how many wait; the same for being closed. Wall-clock
// time, nights and weekends included. Alerts from before times were kept are
// counted as such.
std::vector<ReportTable> ResponseTables(std::span<const v1::Alert> alerts);

// By month, for a governor: within which of a few steps half of a month's
// alerts were looked at and closed. What still waits counts as not quick; a
// month with fewer than five says nothing.
struct MonthlyResponse {
  std::string month;  // "2026-11"
  // "within an hour"; "not yet" of half or more of them; empty: too few.
  std::string looked_at, closed;
};
std::vector<MonthlyResponse> ResponseByMonth(std::span<const v1::Alert> alerts,
                                             absl::TimeZone zone);

}  // namespace schoolgate::collector
