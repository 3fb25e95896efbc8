// What people look at when they meet about online safety, and which reviews
// are due: from the data, without anybody in particular.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "collector/cases/report.h"
#include "collector/cases/routes.h"
#include "collector/store/device_store.h"
#include "nlohmann/json.hpp"

namespace schoolgate::collector {

// Alerts that may be counted the same for every reader: none of illegal
// material, none about staff, none that names the owner of an account.
std::vector<v1::Alert> CountedForAll(std::vector<v1::Alert> alerts,
                                     std::span<const Account> everybody);

// The devices of a school in the period: how they are now, and what was raised
// about them. `alerts`: the reader's, of the period.
Report DevicesReport(const Period& period, std::span<const Device> devices,
                     std::span<const v1::Alert> alerts, absl::Time now,
                     absl::TimeZone zone);

// How devices are, for a table of its own.
ReportTable DevicesNow(std::span<const Device> devices, absl::Time now);
ReportTable DeviceAlerts(std::span<const v1::Alert> alerts);

// What is to be reviewed, and how often.
struct ReviewKind {
  const char* id;     // "meeting"
  const char* title;  // "Meeting"
  absl::Duration every;
  bool two_people;  // in force when a second one has signed
};
std::span<const ReviewKind> ReviewKinds();
const ReviewKind* ReviewKindOf(const std::string& id);

// What happened since the last review of the policy that calls for the next:
// one sentence each, of the last year at most. `alerts`: CountedForAll.
std::vector<std::string> ReasonsToReview(std::span<const v1::Alert> alerts,
                                         std::span<const Device> devices,
                                         absl::Time since, absl::Time now);

}  // namespace schoolgate::collector
