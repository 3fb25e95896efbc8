// One uplink for an identity: a second one would be taken for a copy of this
// device, and its contacts for those of two machines.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "platform/descriptor.h"

namespace schoolgate::agent {

// Held until the descriptor is closed, or its process has gone.
// ALREADY_EXISTS: another uplink holds it.
absl::StatusOr<platform::Descriptor> HoldIdentity(
    const std::string& state_directory);

// Whether an uplink runs; nothing where that may not be looked at.
std::optional<bool> SomebodyHolds(const std::string& state_directory);

}  // namespace schoolgate::agent
