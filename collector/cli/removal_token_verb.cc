#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"
#include "platform/clock.h"
#include "proto/seal/enrolment.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

struct Options {
  DataDirectory directory;
  std::string device, output;
  int days = 7;
};

absl::Status Make(const Options& options) {
  const absl::Status config = LoadConfig(options.directory).status();
  if (!config.ok()) return config;
  auto devices = OpenDevices(options.directory);
  if (!devices.ok()) return devices.status();
  const absl::StatusOr<Device> device = (*devices)->Get(options.device);
  if (!device.ok()) return device.status();
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  const std::string file = options.directory.RemovalKey();
  const absl::StatusOr<seal::SigningKey> key =
      seal::LoadOrCreateSigningKey(file);
  if (!key.ok()) return key.status();
  BelongToFolder(file);
  const absl::Time now = platform::SystemClock().Now();
  const absl::Time expires = now + absl::Hours(24) * options.days;
  absl::Status status = (*audit)->Append(
      {.time = now,
       .who = "system",
       .action = "removal_token",
       .about = device->id,
       .detail = absl::StrCat("until ",
                              absl::FormatTime(expires, absl::UTCTimeZone())),
       .hash = ""});
  if (!status.ok()) return status;
  const std::string token =
      seal::MakeRemovalToken(*key, device->id, absl::ToUnixSeconds(expires));
  if (options.output.empty()) {
    std::printf("%s\n", token.c_str());
    return absl::OkStatus();
  }
  status = WriteSecretFile(options.output, token + "\n");
  if (status.ok()) {
    std::printf(
        "%s: %s may be taken out of use until %s\n", options.output.c_str(),
        device->id.c_str(),
        absl::FormatTime("%e %B %Y %H:%M", expires, absl::LocalTimeZone())
            .c_str());
  }
  return status;
}

}  // namespace

void AddRemovalToken(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "removal-token",
      "Make the token with which one device may be taken out of use");
  AddDataOption(*verb, &options->directory);
  verb->add_option("DEVICE", options->device, "The device, D-...")->required();
  verb->add_option("--days", options->days, "How long it is good for")
      ->check(CLI::Range(1, 366))
      ->capture_default_str();
  verb->add_option("-o,--output", options->output,
                   "Write it here (mode 0600) instead of printing it");
  verb->callback([options, exit_code] {
    const absl::Status status = Make(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
