// Where enrolment left the device's identity.
#pragma once

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/decide/identity.h"

namespace schoolgate::agent {

// Reads identity/enrolment.json of the state directory, as the uplink wrote
// it. NOT_FOUND before enrolment; DATA_LOSS when the file is not whole.
absl::StatusOr<Identity> LoadIdentity(const std::string& state_directory);

// What time it surely was when the collector was last reached; InfinitePast
// before.
absl::Time LoadTimeFloor(const std::string& state_directory);

// Whose log-ins belong on this device, as the collector said at the last
// contact; empty: it is nobody's own.
std::set<std::string> LoadAssigned(const std::string& state_directory);

}  // namespace schoolgate::agent
