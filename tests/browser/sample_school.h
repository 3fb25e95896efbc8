// A small invented school: what the browser tests and screenshots look at.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "collector/store/device_store.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

inline constexpr char kSampleSchool[] = "oakfield";

// One alert of each severity, one about the head (pseudonym P-HEAD00), one
// closed. The one of illegal material carries a host that must never be seen:
// sealed-host.example.test.
std::vector<v1::Alert> SampleAlerts(absl::Time now);

// The alert that comes in while somebody is looking.
v1::Alert LiveAlert(absl::Time now);

// Eight devices; one silent, one with old rules, one that sees badly.
std::vector<Device> SampleDevices(absl::Time now);

}  // namespace schoolgate::collector
