#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/option_words.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"
#include "platform/clock.h"
#include "platform/usage.h"
#include "platform/whole_file.h"
#include "proto/seal/enrolment.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostReceiptBytes = 64 << 10;

struct Options {
  DataDirectory directory;
  std::string device, output, receipt;
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

std::string TextAt(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : "";
}

// What a device was given when it went out of use.
absl::Status Check(const Options& options) {
  const auto text = platform::ReadWholeFile(options.receipt, kMostReceiptBytes);
  if (!text.ok()) return text.status();
  // What the device printed may stand around it.
  const size_t from = text->find('{'), to = text->rfind('}');
  const auto json =
      from == std::string::npos || to == std::string::npos || to < from
          ? nlohmann::json()
          : nlohmann::json::parse(text->substr(from, to - from + 1), nullptr,
                                  false);
  v1::DecommissionReceipt receipt;
  const auto time = json.is_object() ? json.find("time_unix_us") : json.end();
  if (!json.is_object() || time == json.end() || !time->is_number_integer()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.receipt,
                     ": no receipt: give the file decommissioned.json of "
                     "the device, or what its command printed"));
  }
  receipt.set_device(TextAt(json, "device"));
  receipt.set_school(TextAt(json, "school"));
  receipt.set_final(json.value("final", nlohmann::json(false)) == true);
  receipt.set_server_time_unix_us(time->get<int64_t>());
  const auto signature = seal::FromHex(TextAt(json, "signature"));
  if (signature.ok()) receipt.set_signature(*signature);
  const absl::StatusOr<seal::SigningKey> key =
      seal::LoadOrCreateSigningKey(options.directory.RemovalKey());
  if (!key.ok()) return key.status();
  if (!receipt.final() || !seal::VerifyReceipt(receipt, key->public_key())) {
    return absl::DataLossError(
        absl::StrCat(options.receipt,
                     ": not a receipt of this collector, or changed since"));
  }
  std::printf(
      "%s of %s was taken out of use at %s: signed by this collector\n",
      receipt.device().c_str(), receipt.school().c_str(),
      absl::FormatTime("%e %B %Y %H:%M",
                       absl::FromUnixMicros(receipt.server_time_unix_us()),
                       absl::LocalTimeZone())
          .c_str());
  return absl::OkStatus();
}

}  // namespace

void AddRemovalToken(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "removal-token",
      "Make the token with which one device may be taken out of use");
  AddDataOption(*verb, &options->directory);
  verb->add_option("DEVICE", options->device, "The device, D-...");
  verb->add_option(
      "--check", options->receipt,
      "Check the receipt of a device that went out of use instead");
  verb->add_option("--days", options->days, "How long it is good for")
      ->check(CLI::Range(1, 366))
      ->capture_default_str();
  verb->add_option("-o,--output", options->output,
                   "Write it here (mode 0600) instead of printing it (-: "
                   "print it)");
  verb->callback([options, verb, exit_code] {
    if (options->device.empty() == options->receipt.empty()) {
      *exit_code = platform::ComplainOfUsage(
          *verb,
          "removal-token: for which device: give D-..., or --check RECEIPT");
      return;
    }
    if (options->output == kStandardOutput) options->output.clear();
    const absl::Status status =
        options->receipt.empty() ? Make(*options) : Check(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
