// What every program says when it is called wrongly: one line, and where to
// read more.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "platform/complaint.h"

namespace schoolgate::platform {

// As one types it: "schoolgate-rules key new".
inline std::string TypedNameOf(const CLI::App& verb) {
  const CLI::App* parent = verb.get_parent();
  return parent == nullptr ? verb.get_name()
                           : TypedNameOf(*parent) + " " + verb.get_name();
}

// For what only the verb can judge of its options, all of them known: prints
// "program: <what>: see program verb --help", `what` with its why, to standard
// error and returns kExitUsage.
inline int ComplainOfUsage(const CLI::App& verb, const std::string& what) {
  const std::string typed = TypedNameOf(verb);
  std::fprintf(stderr, "%s: %s: see %s --help\n",
               typed.substr(0, typed.find(' ')).c_str(), what.c_str(),
               typed.c_str());
  return kExitUsage;
}

// To be called where CLI11 has thrown: prints help or version where they were
// asked for and returns kExitOk, or one line to standard error and returns
// kExitUsage.
inline int ExitFromParse(const CLI::App& app, const CLI::ParseError& error,
                         int argc, char** argv) {
  if (error.get_exit_code() == 0) return app.exit(error), kExitOk;
  const CLI::App* verb = &app;
  while (!verb->get_subcommands().empty()) {
    verb = verb->get_subcommands().back();
  }
  const std::string first = argc > 1 ? argv[1] : "";
  const bool unknown = error.get_name() == "RequiredError" && verb == &app &&
                       !first.empty() && first.front() != '-';
  return ComplainOfUsage(
      *verb, unknown ? first + ": no such command" : std::string(error.what()));
}

}  // namespace schoolgate::platform
