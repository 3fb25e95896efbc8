// What people ask of the school themselves: open this host, block that one.
// Not misuse, and no evidence against anybody.
#pragma once

#include <optional>

#include "collector/detect/finding.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// A finding with rule "person_asks" for a self-report of kind SHOULD_OPEN or
// FILTER_MISSED; nothing for other events. `detail` is the request in words,
// the evidence line carries what the person typed.
std::optional<Finding> RequestOf(const StoredEvent& event);

}  // namespace schoolgate::collector
