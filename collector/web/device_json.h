// A device's health in plain words.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "collector/store/device_store.h"
#include "nlohmann/json.hpp"

namespace schoolgate::collector {

// `newest_rules`: the highest rules version that any device of the school
// has. The state is "good", "check" or "problem"; `words` says why in one
// sentence, the worst first.
nlohmann::json DeviceJson(const Device& device, uint64_t newest_rules,
                          absl::Time now);

}  // namespace schoolgate::collector
