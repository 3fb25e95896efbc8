// Findings become alerts: one alert for what belongs together, growing with
// its evidence and never told twice.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/detect/finding.h"
#include "collector/policy/school_policies.h"
#include "collector/store/alert_store.h"

namespace schoolgate::collector {

struct CaseOptions {
  absl::TimeZone zone = absl::UTCTimeZone();  // the schools'
  // The name people use for a device; may be empty.
  std::function<std::string(const std::string& device)> device_name;
  // What is to be done next by the school's own policy; null: none published.
  const SchoolPolicies* policies = nullptr;
};

// Not thread-safe by itself; the store may be shared. Borrows it for life.
class CaseBook {
 public:
  CaseBook(AlertStore& store, CaseOptions options);

  // Raises, renews or withdraws alerts. Applying the same findings again
  // changes nothing. Returns the alerts raised or changed. A finding of
  // severity INFORMATION makes no alert. What a person wrote or decided on an
  // alert stays; a closed alert opens again when new evidence comes. Trouble of
  // several devices at the same time is one alert (together.h).
  absl::StatusOr<std::vector<v1::Alert>> Apply(
      std::span<const Finding> findings, absl::Time now);

 private:
  absl::StatusOr<uint64_t> FindAlert(const Finding& finding);
  absl::StatusOr<uint64_t> FindShared(const Finding& finding);
  std::string NameOf(const std::string& device) const;
  absl::StatusOr<std::string> NameDevices(uint64_t id, absl::Time now,
                                          Finding* finding);
  absl::Status ApplyOne(Finding finding, absl::Time now,
                        std::vector<v1::Alert>& changed);
  absl::Status Withdraw(uint64_t id, absl::Time now,
                        std::vector<v1::Alert>& changed);
  void Renew(const Finding& finding, const std::string& device_name,
             absl::Time now, v1::Alert* alert) const;

  AlertStore& store_;
  CaseOptions options_;
};

}  // namespace schoolgate::collector
