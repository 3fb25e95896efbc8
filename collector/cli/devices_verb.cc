#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/store/audit_log.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kSilentAfter = absl::Minutes(5);

struct Options {
  DataDirectory directory;
  std::string school;
  std::string ban, release, decommission;
  bool json = false;
};

std::string Stamp(absl::Time time) {
  if (time == absl::InfinitePast()) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

void PrintJson(const Device& device, absl::Time now) {
  const v1::Heartbeat& heartbeat = device.heartbeat;
  const nlohmann::json line = {
      {"device", device.id},
      {"school", device.school},
      {"group", device.group},
      {"hostname", device.hostname},
      {"inventory", device.inventory_number},
      {"state", StateWord(device.state)},
      {"enrolled", Stamp(device.enrolled)},
      {"last_contact", Stamp(device.last_contact)},
      {"silent", now - device.last_contact > kSilentAfter},
      {"certificate_expires", Stamp(device.certificate_expires)},
      {"clock_offset_s", absl::ToDoubleSeconds(device.clock_offset)},
      {"agent_version", heartbeat.agent_version()},
      {"bundle_version", heartbeat.bundle_version()},
      {"mode", heartbeat.mode()},
      {"capturing", heartbeat.capturing()},
      {"enforcing", heartbeat.enforcing()},
      {"selftest", heartbeat.selftest()},
      {"root_version", heartbeat.root_version()},
      {"rules_freshness", heartbeat.rules_freshness()},
      {"rules_trouble", heartbeat.rules_trouble()},
      {"lesson_passes", heartbeat.passes()},
      {"emergency_blocks", heartbeat.emergency_blocks()}};
  std::printf("%s\n", line.dump(-1, ' ', false,
                                nlohmann::json::error_handler_t::replace)
                          .c_str());
}

void PrintText(const Device& device, absl::Time now) {
  const bool silent = now - device.last_contact > kSilentAfter;
  std::printf(
      "%-11s %-16s %-8s %-20s %-14s rules %-6llu %s%s\n", device.id.c_str(),
      device.school.c_str(), device.group.c_str(), device.hostname.c_str(),
      StateWord(device.state),
      static_cast<unsigned long long>(device.heartbeat.bundle_version()),
      device.last_contact == absl::InfinitePast()
          ? "never in contact"
          : Stamp(device.last_contact).c_str(),
      silent ? "  silent" : "");
}

absl::Status List(const Options& options) {
  auto store = OpenDevices(options.directory);
  if (!store.ok()) return store.status();
  const absl::StatusOr<std::vector<Device>> devices =
      (*store)->All(options.school);
  if (!devices.ok()) return devices.status();
  const absl::Time now = platform::SystemClock().Now();
  for (const Device& device : *devices) {
    options.json ? PrintJson(device, now) : PrintText(device, now);
  }
  if (devices->empty() && !options.json) std::printf("no devices yet\n");
  return absl::OkStatus();
}

absl::Status Change(const Options& options, const std::string& device,
                    DeviceState state, const char* action) {
  auto store = OpenDevices(options.directory);
  if (!store.ok()) return store.status();
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  absl::Status status = (*store)->SetState(device, state);
  if (status.ok()) {
    status = (*audit)->Append({.time = platform::SystemClock().Now(),
                               .who = "system",
                               .action = action,
                               .about = device,
                               .detail = "command line",
                               .hash = ""});
  }
  if (status.ok()) std::printf("%s: %s\n", device.c_str(), StateWord(state));
  return status;
}

absl::Status Run(const Options& options) {
  const absl::Status config =
      LoadConfigOf(options.directory, options.school).status();
  if (!config.ok()) return config;
  if (!options.ban.empty()) {
    return Change(options, options.ban, DeviceState::kBanned, "ban_device");
  }
  if (!options.release.empty()) {
    return Change(options, options.release, DeviceState::kActive,
                  "release_device");
  }
  if (!options.decommission.empty()) {
    return Change(options, options.decommission, DeviceState::kDecommissioned,
                  "decommission_device");
  }
  return List(options);
}

}  // namespace

void AddDevices(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "devices", "List devices: who they are, what they run, who is silent");
  AddDataOption(*verb, &options->directory);
  verb->add_option("--school", options->school, "Of this school only");
  verb->add_option("--ban", options->ban,
                   "Shut this device out; open connections end in seconds");
  verb->add_option("--release", options->release,
                   "Let a banned or quarantined device in again");
  verb->add_option("--decommission", options->decommission,
                   "Take this device out of use");
  verb->add_flag("--json", options->json, "Print one JSON object a line");
  verb->callback([options, exit_code] {
    const absl::Status status = Run(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
