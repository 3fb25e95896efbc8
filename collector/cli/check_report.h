// The checks of the filter that a school has to be able to show: when, on
// which device, for which group, where, what was tested, with what result.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// Rows of a table, the first one its head; oldest first. Everything that the
// school's devices tested of themselves in [from, to).
absl::StatusOr<std::vector<std::vector<std::string>>> CheckRecords(
    EventStore& events, DeviceStore& devices, const std::string& school,
    absl::Time from, absl::Time to, absl::TimeZone zone);

}  // namespace schoolgate::collector
