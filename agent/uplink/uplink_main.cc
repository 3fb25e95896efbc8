// schoolgate-uplink: the device's only process that speaks with the network.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "agent/uplink/alone.h"
#include "agent/uplink/uplink.h"
#include "platform/complaint.h"
#include "platform/rights.h"
#include "platform/standard_streams.h"
#include "platform/usage.h"
#include "platform/wakeup.h"

namespace schoolgate::agent {
namespace {

constexpr char kProgram[] = "schoolgate-uplink";
constexpr absl::Duration kPatience = absl::Seconds(60);

int Run(const std::string& config_file) {
  auto config = LoadUplinkConfig(config_file);
  if (!config.ok()) return platform::Complain(kProgram, config.status());
  platform::StopSignal stop;
  // Before anything is written where another may write.
  const auto alone = HoldIdentity(config->state_directory);
  if (!alone.ok()) return platform::Complain(kProgram, alone.status());
  auto uplink = Uplink::Open(*config, platform::SystemClock());
  if (!uplink.ok()) return platform::Complain(kProgram, uplink.status());
  std::string told;
  while (!stop.Arrived()) {
    (*uplink)->Turn(kPatience, stop.descriptor());
    if ((*uplink)->finished()) return platform::kExitOutOfUse;
    const std::string& problem = (*uplink)->status().problem;
    if (problem != told && !problem.empty()) {
      std::fprintf(stderr, "%s: %s\n", kProgram, problem.c_str());
    }
    told = problem;
  }
  return platform::kExitOk;
}

int Enrol(const std::string& config_file, const std::string& enrolment_file,
          bool anew) {
  auto config = LoadUplinkConfig(config_file);
  if (!config.ok()) return platform::Complain(kProgram, config.status());
  // Makes the folders as `run` would.
  auto uplink = Uplink::Open(*config, platform::SystemClock());
  if (!uplink.ok()) return platform::Complain(kProgram, uplink.status());
  auto identity = IdentityFolder::Open(config->state_directory + "/identity");
  if (!identity.ok()) return platform::Complain(kProgram, identity.status());
  auto enrolled = identity->LoadEnrolled();
  if (!enrolled.ok() || anew) {
    auto file = LoadEnrolmentFile(
        enrolment_file.empty() ? config->enrolment_file : enrolment_file);
    if (!file.ok()) return platform::Complain(kProgram, file.status());
    Failure failure;
    absl::Status status =
        EnrolDevice(*file, *identity, platform::SystemClock(), &failure);
    if (!status.ok()) return platform::Complain(kProgram, status);
    enrolled = identity->LoadEnrolled();
    if (!enrolled.ok()) return platform::Complain(kProgram, enrolled.status());
  }
  std::printf("%s, school %s, collector %s\n", enrolled->device.c_str(),
              enrolled->school.c_str(), enrolled->collector.c_str());
  if (anew) {
    std::printf(
        "restart schoolgate-agent and schoolgate-uplink: until then they go on "
        "as the device before\n");
  }
  return platform::kExitOk;
}

int Status(const std::string& config_file) {
  auto config = LoadUplinkConfig(config_file);
  if (!config.ok()) return platform::Complain(kProgram, config.status());
  const bool runs = SomebodyHolds(config->state_directory).value_or(true);
  auto status =
      ReadStatus(config->state_directory, config->spool_directory, runs);
  if (!status.ok()) return platform::Complain(kProgram, status.status());
  std::printf("%s\n", status->c_str());
  return platform::kExitOk;
}

int Main(int argc, char** argv) {
  CLI::App app("Carries sealed events to the collector and rules back.",
               "schoolgate-uplink");
  app.set_version_flag("--version", "schoolgate-uplink " SCHOOLGATE_VERSION);
  app.require_subcommand(1);
  std::string config;  // empty: the default one, if it is there
  std::string enrolment;
  bool anew = false;
  bool json = false;
  CLI::App* run = app.add_subcommand("run", "Enrol if needed, then stay");
  CLI::App* enrol = app.add_subcommand("enrol", "Enrol this device and end");
  CLI::App* status = app.add_subcommand("status", "How the uplink does");
  for (CLI::App* verb : {run, enrol, status}) {
    verb->add_option("--config", config, "Agent's configuration file")
        ->default_str(kDefaultUplinkConfig);
  }
  enrol->add_option("--enrolment", enrolment,
                    "Enrolment file, instead of the configured one");
  enrol->add_flag("--anew", anew, "Also when this device is enrolled already");
  status->add_flag("--json", json, "One JSON object (this is the only form)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return platform::ExitFromParse(app, error, argc, argv);
  }
  if (run->parsed()) return Run(config);
  if (enrol->parsed()) return Enrol(config, enrolment, anew);
  return Status(config);
}

}  // namespace
}  // namespace schoolgate::agent

int main(int argc, char** argv) {
  using namespace schoolgate;  // main builds the world
  platform::HoldStandardStreams();
  platform::ForbidCoreDumps();
  return platform::SendOffOutput("schoolgate-uplink", agent::Main(argc, argv));
}
