// Trends: the figures of a period month by month, for a school's leaders, and
// school by school, for all who read the governors' figures.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "collector/cases/report.h"
#include "proto/alert.pb.h"
#include "proto/policy.pb.h"

namespace schoolgate::collector {

// Exact figures by month: by area, category, group, place, and time. `alerts`:
// those that the reader may see. Months that have not begun are left out.
// `policy`: the school's; may be null.
Report TrendsReport(const Period& period, std::span<const v1::Alert> alerts,
                    absl::Time now, absl::TimeZone zone,
                    const v1::CompiledPolicy* policy);

// One school's governors' figures of the period, as GovernorsReport gives them.
struct SchoolFigures {
  std::string school;  // its name
  Report governors;
};

// One table for each area: schools by month. Only what each school's governors'
// report says anyhow, arranged otherwise: nothing more can be worked out from
// it than from those.
std::vector<ReportTable> BySchool(std::span<const SchoolFigures> schools);

}  // namespace schoolgate::collector
