// schoolgate-agent decommission: the end of a device's service.
#pragma once

#include <CLI/CLI.hpp>

namespace schoolgate::agent {

// decommission --token FILE | --force: with the school's token the collector
// is asked, everything is sent, the device is revoked there and its receipt
// printed; forced, the school is told first as far as it can be reached. Then
// keys, spool and rules are wiped. Puts the exit code in *exit_code.
void AddDecommission(CLI::App& app, int* exit_code);

}  // namespace schoolgate::agent
