#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/device_owners.h"
#include "collector/web/owners_import.h"
#include "platform/clock.h"
#include "platform/usage.h"
#include "platform/whole_file.h"
#include "proto/seal/pseudonym.h"

namespace schoolgate::collector {
namespace {

struct Options {
  DataDirectory directory;
  std::string school, device, import;
  std::vector<std::string> log_ins;
  bool support = false, none = false, json = false;
};

// What the verb works with, opened once.
class Register {
 public:
  static absl::StatusOr<Register> Open(const Options& options);

  absl::Status List(bool json) const;
  absl::Status Give(const std::string& key, const std::string& name,
                    const std::vector<std::string>& log_ins) const;
  absl::Status Import(const std::string& file) const;
  // Of an id, an inventory number or a name.
  absl::StatusOr<std::string> KeyOf(const std::string& device) const;

 private:
  absl::Status Note(const std::string& about, const std::string& detail) const;
  absl::StatusOr<std::string> AliasFor(const std::string& log_in) const;

  std::string school_, key_;
  std::vector<Device> devices_;
  std::shared_ptr<AgreementStore> agreements_;
  std::shared_ptr<AuditLog> audit_;
};

absl::StatusOr<Register> Register::Open(const Options& options) {
  const absl::StatusOr<CollectorConfig> config = LoadConfig(options.directory);
  if (!config.ok()) return config.status();
  Register opened;
  opened.school_ = options.school.empty() && config->schools.size() == 1
                       ? config->schools.front().id
                       : options.school;
  absl::Status status = CheckSchool(*config, opened.school_);
  if (!status.ok()) return status;
  absl::StatusOr<std::string> key =
      ReadHexKey(options.directory.SchoolFile(opened.school_, "pseudonym.key"));
  if (!key.ok()) return key.status();
  opened.key_ = *std::move(key);
  auto store = OpenDevices(options.directory);
  if (!store.ok()) return store.status();
  auto devices = (*store)->All(opened.school_);
  if (!devices.ok()) return devices.status();
  opened.devices_ = *std::move(devices);
  auto agreements = OpenAgreements(options.directory);
  if (!agreements.ok()) return agreements.status();
  opened.agreements_ = *std::move(agreements);
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  opened.audit_ = *std::move(audit);
  return opened;
}

absl::StatusOr<std::string> Register::AliasFor(
    const std::string& log_in) const {
  return seal::Pseudonym(key_, log_in);
}

absl::Status Register::Note(const std::string& about,
                            const std::string& detail) const {
  return audit_->Append({.time = platform::SystemClock().Now(),
                         .who = "system",
                         .action = "give_devices",
                         .about = about,
                         .detail = absl::StrCat(school_, ": ", detail),
                         .hash = ""});
}

// How many people, and never who: whoever reads this knows whose laptop it is,
// and would learn who stands behind an alias.
absl::Status Register::List(bool json) const {
  const auto owners = OwnersOf(*agreements_, school_);
  if (!owners.ok()) return owners.status();
  size_t shown = 0;
  for (const Device& device : devices_) {
    const Owned* owned = owners->Of(device);
    if (owned == nullptr || device.state == DeviceState::kDecommissioned) {
      continue;
    }
    ++shown;
    const std::string since =
        absl::FormatTime("%Y-%m-%d", owned->since, absl::UTCTimeZone());
    if (json) {
      const nlohmann::json line = {{"device", device.id},
                                   {"hostname", device.hostname},
                                   {"inventory", device.inventory_number},
                                   {"people", owned->aliases.size()},
                                   {"since", since}};
      std::printf("%s\n", line.dump().c_str());
    } else {
      std::printf("%-11s %-20s %-14s %zu %s since %s\n", device.id.c_str(),
                  device.hostname.c_str(), device.inventory_number.c_str(),
                  owned->aliases.size(),
                  owned->aliases.size() == 1 ? "person" : "people",
                  since.c_str());
    }
  }
  if (json) return absl::OkStatus();
  const Owned* support = owners->Support();
  std::printf(
      "%zu of %zu devices are somebody's own; %zu log-ins of the "
      "support may be used on all of them\n",
      shown, devices_.size(), support == nullptr ? 0 : support->aliases.size());
  return absl::OkStatus();
}

absl::StatusOr<std::string> Register::KeyOf(const std::string& device) const {
  for (const Device& one : devices_) {
    if (one.id == device) return OwnerKey(one);
  }
  const DevicesByLine here(devices_);
  for (const InventoryLine& line :
       {InventoryLine{device, ""}, InventoryLine{"", device}}) {
    if (const Device* one = here.Find(line); one != nullptr) {
      return OwnerKey(*one);
    }
  }
  return absl::NotFoundError(absl::StrCat(
      device, ": no device of ", school_,
      " has this id, inventory number or name: see `schoolgate-collector "
      "devices`, or use --import for computers that are still to enrol"));
}

absl::Status Register::Give(const std::string& key, const std::string& name,
                            const std::vector<std::string>& log_ins) const {
  std::vector<std::string> aliases;
  for (const std::string& log_in : log_ins) {
    aliases.push_back(*AliasFor(log_in));
  }
  absl::Status status =
      Note(name, absl::StrCat(log_ins.size(),
                              log_ins.size() == 1 ? " log-in" : " log-ins"));
  if (status.ok()) {
    status = PutOwners(*agreements_, school_, key, aliases, "system",
                       platform::SystemClock().Now());
  }
  if (!status.ok()) return status;
  std::printf("%s: %s\n", name.c_str(),
              log_ins.empty()     ? "nobody's own"
              : name == "support" ? "these log-ins may be used everywhere"
                                  : "somebody's own");
  return absl::OkStatus();
}

absl::Status Register::Import(const std::string& file) const {
  const auto csv = platform::ReadWholeFile(file, kInventoryMaxBytes + 1);
  if (!csv.ok()) return csv.status();
  const auto lines = ParseInventory(*csv);
  if (!lines.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": ", lines.status().message()));
  }
  if (!lines->front().log_ins) {
    return absl::InvalidArgumentError(absl::StrCat(
        file,
        ": no column is called \"log-in\" or \"user name\": name one so, "
        "with what people type to log in on their computer"));
  }
  const auto import = ImportOwners(
      *lines, devices_, school_,
      [this](const std::string& log_in) { return AliasFor(log_in); },
      *agreements_, "system", platform::SystemClock().Now());
  if (!import.ok()) return import.status();
  const absl::Status status = Note("", ImportInWords(*import));
  if (status.ok()) std::printf("%s\n", ImportInWords(*import).c_str());
  return status;
}

// What of the options does not go together, or nothing.
std::string Mistake(const Options& options) {
  if (!options.import.empty() || options.support) return "";
  if (options.device.empty()) {
    return options.log_ins.empty() ? "" : "assign: which device: add --device";
  }
  return options.log_ins.empty() == options.none
             ? ""
             : "--device: to whom: add log-ins, or --none when it is nobody's "
               "own";
}

absl::Status Run(const Options& options) {
  const auto opened = Register::Open(options);
  if (!opened.ok()) return opened.status();
  if (!options.import.empty()) return opened->Import(options.import);
  if (options.support) {
    return opened->Give(SupportKey(), "support", options.log_ins);
  }
  if (options.device.empty()) return opened->List(options.json);
  const auto key = opened->KeyOf(options.device);
  return key.ok() ? opened->Give(*key, options.device, options.log_ins)
                  : key.status();
}

}  // namespace

void AddAssign(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "assign", "Say whose device is whose, so that others' use is noticed");
  AddDataOption(*verb, &options->directory);
  verb->add_option("--school", options->school,
                   "The school's id (not needed when there is one)");
  auto* device = verb->add_option("--device", options->device,
                                  "Its id, inventory number or name");
  auto* support = verb->add_flag(
      "--support", options->support,
      "The log-ins of the IT support, which may be used on every device");
  auto* import = verb->add_option(
      "--import", options->import,
      "The school's list of computers as CSV, with a column \"log-in\"");
  device->excludes(support)->excludes(import);
  support->excludes(import);
  verb->add_flag("--none", options->none, "The device is nobody's own");
  verb->add_flag("--json", options->json, "Print one JSON object a line");
  verb->add_option("log-in", options->log_ins,
                   "As they are typed on the device; only aliases are kept");
  verb->callback([options, verb, exit_code] {
    const std::string mistake = Mistake(*options);
    if (!mistake.empty()) {
      *exit_code = platform::ComplainOfUsage(*verb, mistake);
      return;
    }
    const absl::Status status = Run(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
