// What every program says when it is called wrongly: one line, and where to
// read more.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "platform/complaint.h"

namespace schoolgate::platform {

// To be called where CLI11 has thrown: prints help or version where they were
// asked for and returns kExitOk, or one line to standard error and returns
// kExitUsage.
inline int ExitFromParse(const CLI::App& app, const CLI::ParseError& error,
                         int argc, char** argv) {
  if (error.get_exit_code() == 0) return app.exit(error), kExitOk;
  const std::string first = argc > 1 ? argv[1] : "";
  const auto named = app.get_subcommands(
      [&](const CLI::App* verb) { return verb->get_name() == first; });
  const bool unknown = error.get_name() == "RequiredError" && !first.empty() &&
                       first.front() != '-' && named.empty();
  const std::string what =
      unknown ? first + ": no such command" : std::string(error.what());
  std::fprintf(stderr, "%s: %s: see %s --help\n", app.get_name().c_str(),
               what.c_str(), app.get_name().c_str());
  return kExitUsage;
}

}  // namespace schoolgate::platform
