// The alerts of the invented school, as detection and the case book make them
// of what its devices sent: what tests and pictures show is what a school sees.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/policy/school_policies.h"
#include "collector/store/alert_store.h"

namespace schoolgate::collector {

struct SampleBook {
  AlertStore& alerts;
  const SchoolPolicies* policies;  // may hold none
};

// One alert of each severity, one about the head (pseudonym P-HEAD00), one
// closed: numbers 1 to 6 of an empty store. The third, of illegal material,
// carries a host that must never be seen: sealed-host.example.test.
absl::Status RaiseSampleAlerts(absl::Time now, const SampleBook& book);

// The alert that comes in while somebody is looking; about somebody else for
// each `number`.
absl::StatusOr<v1::Alert> RaiseLiveAlert(absl::Time now, int number,
                                         const SampleBook& book);

// A teacher's request for a lesson pass, as `schoolgate preview ks2 --ask`
// makes it.
absl::Status RaiseSampleRequest(absl::Time now, const SampleBook& book);

}  // namespace schoolgate::collector
