// The verbs of schoolgate-rules. Each function adds one subcommand; when it is
// chosen, its callback does the work and puts the exit code in *exit_code.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace schoolgate::rules {

// For what only the verb can judge: ends the program as any other misspelt
// command line does, with kExitUsage. `what` says what is wrong and why.
[[noreturn]] inline void WrongUsage(const std::string& what) {
  throw CLI::ValidationError(what);
}

// A verb: `void AddX(CLI::App& app, int* exit_code)`, in rules/cli/x.cc.
void AddBuild(CLI::App& app, int* exit_code);
void AddDecide(CLI::App& app, int* exit_code);
void AddCheck(CLI::App& app, int* exit_code);
void AddDiff(CLI::App& app, int* exit_code);
void AddExplain(CLI::App& app, int* exit_code);
void AddReplay(CLI::App& app, int* exit_code);
void AddImport(CLI::App& app, int* exit_code);
void AddDelta(CLI::App& app, int* exit_code);
void AddApply(CLI::App& app, int* exit_code);
void AddBench(CLI::App& app, int* exit_code);
void AddLookup(CLI::App& app, int* exit_code);
void AddKey(CLI::App& app, int* exit_code);
void AddRoot(CLI::App& app, int* exit_code);
void AddPass(CLI::App& app, int* exit_code);
void AddEmergency(CLI::App& app, int* exit_code);
void AddTimestamp(CLI::App& app, int* exit_code);
void AddSign(CLI::App& app, int* exit_code);
void AddVerify(CLI::App& app, int* exit_code);

}  // namespace schoolgate::rules
