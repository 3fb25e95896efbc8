// schoolgate-agent: the gate on a device, and the same gate over captures.
#include <CLI/CLI.hpp>

#include "agent/run/browsers_verb.h"
#include "agent/run/decommission_verb.h"
#include "agent/run/replay.h"
#include "agent/run/run_verbs.h"
#include "platform/complaint.h"
#include "platform/rights.h"
#include "platform/standard_streams.h"
#include "platform/usage.h"

int main(int argc, char** argv) {
  using namespace schoolgate;  // main builds the world
  platform::HoldStandardStreams();
  platform::ForbidCoreDumps();
  CLI::App app(
      "Sees which names are asked for and keeps to the school's rules.",
      "schoolgate-agent");
  app.set_version_flag("--version", "schoolgate-agent " SCHOOLGATE_VERSION);
  app.require_subcommand(1);
  int exit_code = platform::kExitOk;
  // One line a verb.
  agent::AddReplay(app, &exit_code);
  agent::AddRun(app, &exit_code);
  agent::AddSelfTest(app, &exit_code);
  agent::AddDecommission(app, &exit_code);
  agent::AddBrowsers(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = platform::ExitFromParse(app, error, argc, argv);
  }
  return platform::SendOffOutput("schoolgate-agent", exit_code);
}
