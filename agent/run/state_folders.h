// The folders in which agent and uplink leave things for each other.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace schoolgate::agent {

// Makes what is missing, and lets everybody through to the agent's socket.
// PERMISSION_DENIED says what to do.
absl::Status MakeStateFolders(const std::string& state_directory);

// A file in the memory of the machine, not on its disk; empty where the service
// manager has made no folder for it.
std::string InRuntimeFolder(const std::string& name);

}  // namespace schoolgate::agent
