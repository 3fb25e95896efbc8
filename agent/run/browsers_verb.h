// schoolgate-agent browsers: lays browsers' policies down, or takes them away.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/status/status.h"

namespace schoolgate::agent {

// The agent has no right to write what root lays down: it leaves its wish here
// for a service of root's that runs `browsers`.
absl::Status WriteBrowserWish(const std::string& state_directory, bool harden);

// False also where there is none.
bool ReadBrowserWish(const std::string& state_directory);

// browsers [--remove]: does what the agent wishes, or undoes it whatever the
// agent wishes, and prints how it stands. Puts the exit code in *exit_code.
void AddBrowsers(CLI::App& app, int* exit_code);

}  // namespace schoolgate::agent
