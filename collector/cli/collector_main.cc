// schoolgate-collector: takes in what devices report, and tells those who
// look after people.
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "collector/cli/split_key_verb.h"
#include "collector/cli/verbs.h"
#include "platform/complaint.h"
#include "platform/rights.h"
#include "platform/standard_streams.h"
#include "platform/usage.h"

int main(int argc, char** argv) {
  using namespace schoolgate;  // main builds the world
  platform::HoldStandardStreams();
  platform::ForbidCoreDumps();
  umask(0077);  // whatever a verb makes, root's mask is for everybody to read
  // gRPC's own log would repeat what ours says, and more.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  CLI::App app(
      "Collects what devices report, finds misuse, tells the safety lead.",
      "schoolgate-collector");
  app.set_version_flag("--version", "schoolgate-collector " SCHOOLGATE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Start with `schoolgate-collector setup --school NAME`.\n"
      "Files, ports and configuration keys: docs/collector.md.");
  int exit_code = platform::kExitOk;
  collector::AddSetup(app, &exit_code);
  collector::AddSplitKey(app, &exit_code);
  collector::AddServe(app, &exit_code);
  collector::AddEnrolToken(app, &exit_code);
  collector::AddAuthority(app, &exit_code);
  collector::AddRemovalToken(app, &exit_code);
  collector::AddDevices(app, &exit_code);
  collector::AddAssign(app, &exit_code);
  collector::AddAlerts(app, &exit_code);
  collector::AddCases(app, &exit_code);
  collector::AddPublish(app, &exit_code);
  collector::AddRules(app, &exit_code);
  collector::AddReport(app, &exit_code);
  collector::AddFeedCertificate(app, &exit_code);
  collector::AddAudit(app, &exit_code);
  collector::AddFeeds(app, &exit_code);
  collector::AddFeedToken(app, &exit_code);
  collector::AddSecondFactor(app, &exit_code);
  collector::AddIdentity(app, &exit_code);
  collector::AddVerify(app, &exit_code);
  collector::AddSealedFiles(app, &exit_code);
  collector::AddTrace(app, &exit_code);
  collector::AddDoctor(app, &exit_code);
  collector::AddBackup(app, &exit_code);
  collector::AddRestore(app, &exit_code);
  collector::AddSimulate(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = platform::ExitFromParse(app, error, argc, argv);
  }
  return platform::SendOffOutput("schoolgate-collector", exit_code);
}
