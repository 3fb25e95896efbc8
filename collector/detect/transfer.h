// Large transfers to hosts that the policy does not report: the device counted
// the bytes, and says neither where they went nor what they were.
#pragma once

#include <optional>

#include "collector/detect/finding.h"
#include "collector/policy/school_policies.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// A finding with rule "bulk_transfer" for such an episode; nothing for other
// events. `policies` may be null.
std::optional<Finding> TransferOf(const StoredEvent& event,
                                  const SchoolPolicies* policies);

// Of TransferOf's findings and episodes: no category of any policy.
inline constexpr char kBulkTransfer[] = "bulk-transfer";

}  // namespace schoolgate::collector
