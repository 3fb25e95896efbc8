// schoolgate-rules: write, check, build, sign and question rule bundles.
#include <CLI/CLI.hpp>

#include "platform/complaint.h"
#include "platform/rights.h"
#include "platform/standard_streams.h"
#include "platform/usage.h"
#include "rules/cli/verbs.h"

namespace {

// `--key A BUNDLE` gives one key and a bundle: an option that may be repeated
// takes one value each time where the verb also takes words without an option.
void OneValueAnOption(CLI::App& verb) {
  bool takes_words = false;
  for (const CLI::Option* option : verb.get_options()) {
    takes_words = takes_words || option->get_positional();
  }
  for (CLI::Option* option : verb.get_options()) {
    if (takes_words && !option->get_positional() &&
        option->get_expected_max() > 1) {
      option->allow_extra_args(false);
    }
  }
  for (CLI::App* below : verb.get_subcommands({})) OneValueAnOption(*below);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace schoolgate;  // main builds the world
  platform::HoldStandardStreams();
  platform::ForbidCoreDumps();
  CLI::App app("Write, check, build, sign and question rule bundles.",
               "schoolgate-rules");
  app.set_version_flag("--version", "schoolgate-rules " SCHOOLGATE_VERSION);
  app.require_subcommand(1);
  int exit_code = platform::kExitOk;
  // One line a verb.
  rules::AddImport(app, &exit_code);
  rules::AddBuild(app, &exit_code);
  rules::AddDelta(app, &exit_code);
  rules::AddApply(app, &exit_code);
  rules::AddDecide(app, &exit_code);
  rules::AddCheck(app, &exit_code);
  rules::AddDiff(app, &exit_code);
  rules::AddExplain(app, &exit_code);
  rules::AddReplay(app, &exit_code);
  rules::AddLookup(app, &exit_code);
  rules::AddBench(app, &exit_code);
  rules::AddKey(app, &exit_code);
  rules::AddRoot(app, &exit_code);
  rules::AddPass(app, &exit_code);
  rules::AddEmergency(app, &exit_code);
  rules::AddTimestamp(app, &exit_code);
  rules::AddSign(app, &exit_code);
  rules::AddVerify(app, &exit_code);
  OneValueAnOption(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = platform::ExitFromParse(app, error, argc, argv);
  }
  return platform::SendOffOutput("schoolgate-rules", exit_code);
}
