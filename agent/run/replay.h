// schoolgate-agent replay: captures through the real pipeline, with the
// captures' own clock. Contract: one JSON object a name on standard output,
// one summary line on standard error, the same bytes each time.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace schoolgate::agent {

struct ReplayOptions {
  std::vector<std::string> captures;
  std::string rules;  // bundle; empty: everything is allowed
  std::string group = "unknown";
  std::string user;
  bool all = false;  // names that break no rule, too
  bool json = false;
  // Flows labelled by nDPI: "on", "off", or "auto": with `all` or rules, and
  // where schoolgate-dpi can be started.
  std::string dpi = "auto";
  std::string dpi_program;  // empty: where it is installed
  bool episodes = false;    // graded episodes as JSON lines, instead of names
};

// Reads each capture with an observer of its own. What cannot be read is said
// on `err` and makes the result kExitFailed, after all that can be read.
int Replay(const ReplayOptions& options, std::FILE* out, std::FILE* err);

// Adds the subcommand; *exit_code is set when it ran.
void AddReplay(CLI::App& app, int* exit_code);

}  // namespace schoolgate::agent
