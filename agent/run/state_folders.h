// The folders in which agent and uplink leave things for each other.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace schoolgate::agent {

// Makes what is missing, and lets everybody through to the agent's socket.
// PERMISSION_DENIED says what to do.
absl::Status MakeStateFolders(const std::string& state_directory);

}  // namespace schoolgate::agent
