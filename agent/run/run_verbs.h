// The verbs of schoolgate-agent that concern the living agent. When one is
// chosen, its callback does the work and puts the exit code in *exit_code.
#pragma once

#include <CLI/CLI.hpp>

namespace schoolgate::agent {

// run [--config FILE]: until SIGTERM or SIGINT.
void AddRun(CLI::App& app, int* exit_code);

// selftest [--config FILE] [--json]: asks a harmless name on loopback and
// whether the running agent saw it and knows its rules.
void AddSelfTest(CLI::App& app, int* exit_code);

}  // namespace schoolgate::agent
