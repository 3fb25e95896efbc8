// The doctor's look at who and what belongs to the collector: devices, people
// with a role, rules, keys that should be elsewhere, the audit log.
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "collector/cli/audit_keys.h"
#include "collector/cli/doctor.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/publish_paper.h"
#include "collector/store/account_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"
#include "collector/web/access.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kSilent = absl::Hours(72);
constexpr absl::Duration kClockOff = absl::Minutes(5);
constexpr absl::Duration kRenewalDue = absl::Hours(24 * 14);

struct Counts {
  size_t active = 0, never = 0, silent = 0, clock = 0, certificate = 0,
         held = 0, unfiltered = 0;
};

Counts CountDevices(const std::vector<Device>& devices, absl::Time now) {
  Counts counts;
  for (const Device& device : devices) {
    counts.held += device.state == DeviceState::kQuarantined;
    if (device.state != DeviceState::kActive) continue;
    ++counts.active;
    if (device.last_contact == absl::InfinitePast()) {
      ++counts.never;
      continue;
    }
    counts.silent += now - device.last_contact > kSilent;
    counts.clock += absl::AbsDuration(device.clock_offset) > kClockOff;
    counts.certificate += device.certificate_expires - now < kRenewalDue;
    counts.unfiltered += device.heartbeat_time != absl::InfinitePast() &&
                         (!device.heartbeat.capturing() ||
                          device.heartbeat.bundle_version() == 0);
  }
  return counts;
}

std::string Of(size_t some, size_t all) {
  return absl::StrCat(some, " of ", all, " devices ");
}

}  // namespace

absl::Status AskDirectory(const CollectorConfig& config) {
  const absl::StatusOr<std::string> secret = LoadOidcSecret(config);
  if (!secret.ok()) return secret.status();
  return OidcProvider(config.oidc, *secret, CurlFetch(),
                      platform::SystemClock())
      .Check();
}

void Examination::Directory() {
  if (config_.oidc.issuer.empty()) return;
  const absl::Status answers = AskDirectory(config_);
  if (!answers.ok()) {
    return Fault("directory", false, std::string(answers.message()),
                 "look at the provider and at oidc in collector.yaml; people "
                 "can log in with their passwords meanwhile");
  }
  Good("directory", config_.oidc.issuer + " answers");
}

void Examination::Devices() {
  auto store = OpenDevices(directory_);
  if (!store.ok()) return;  // said under "store"
  const auto devices = (*store)->All("");
  if (!devices.ok()) return;
  const Counts counts = CountDevices(*devices, now_);
  if (counts.active == 0) {
    return Fault("devices", false, "none has enrolled",
                 "make a file with enrol-token and put it on a device");
  }
  const size_t all = counts.active;
  const struct {
    size_t count;
    const char* what;
    const char* mend;
  } faults[] = {
      {counts.never, "enrolled and never made contact",
       "look at `schoolgate-uplink status` there: name, port and firewall"},
      {counts.silent, "were not heard from for 72 hours",
       "switch them on, or take them out of use with devices --decommission; "
       "when all are silent, look at the firewall and the port here"},
      {counts.clock, "have a wrong clock", "let them keep time with NTP"},
      {counts.certificate, "hold an identity that ends within 14 days",
       "they renew by themselves at half-life, so it failed for weeks: look "
       "at `schoolgate-uplink status` there"},
      {counts.unfiltered, "see nothing or have no rules",
       "look at `schoolgate status` there"},
      {counts.held, "are held back because a copy of them made contact",
       "find the copy, then devices --release"}};
  const size_t before = found_.size();
  for (const auto& [count, what, mend] : faults) {
    if (count > 0) {
      Fault("devices", count == all && count > 1, Of(count, all) + what, mend);
    }
  }
  if (found_.size() == before) {
    Good("devices", absl::StrCat(all, " active, all heard from"));
  }
}

void Examination::Roles() {
  for (const School& school : config_.schools) SchoolRoles(school);
}

void Examination::SchoolRoles(const School& school) {
  auto store = OpenAccounts(directory_);
  if (!store.ok()) return;
  const auto accounts = (*store)->All();
  if (!accounts.ok()) return;
  const size_t before = found_.size();
  const std::string check = "roles of " + school.id;
  for (const Role role : {Role::kSafetyLead, Role::kDeputy, Role::kHead,
                          Role::kSecondSenior, Role::kGovernor}) {
    size_t people = 0, waiting = 0, locked = 0;
    for (const Account& account : *accounts) {
      if (account.role != role || account.school != school.id) continue;
      ++people;
      waiting += account.must_change_password;
      locked += account.locked_until > now_;
    }
    const std::string title = RoleTitle(role);
    const bool lead = role == Role::kSafetyLead;
    if (people == 0) {
      Fault(check, lead, title + ": nobody has this role",
            "run setup for this school again: it makes what is missing");
    } else if (waiting == people) {
      Fault(check, false, title + ": has never logged in",
            "give them the one-time password that setup printed");
    } else if (locked == people) {
      Fault(check, lead, title + ": is locked out after wrong passwords",
            "wait, and ask them whether it was they");
    }
  }
  if (found_.size() == before) Good(check, "every one has somebody");
}

void Examination::Rules() {
  std::error_code error;
  if (!fs::exists(directory_.RulesRoot(), error)) {
    return Fault("rules", false, "no root: devices cannot verify any rules",
                 "run setup with --root before devices enrol");
  }
  if (const auto root = NewestRoot(directory_.RulesRoot()); !root.ok()) {
    return Fault(
        "rules", true,
        absl::StrCat(directory_.RulesRoot(), ": ", root.status().message()),
        "run setup with --root and the newest root file");
  }
  for (fs::directory_iterator entry(directory_.Bundles(), error), end;
       !error && entry != end; entry.increment(error)) {
    if (absl::EndsWith(entry->path().string(), ".current")) {
      return Good("rules", "a bundle is published");
    }
  }
  Fault("rules", false, "none are published: devices block nothing",
        "sign a bundle and `schoolgate-collector publish` it");
}

void Examination::TakeAway() {
  std::error_code error;
  size_t files = 0;
  for (fs::directory_iterator entry(directory_.TakeAway(), error), end;
       !error && entry != end; entry.increment(error)) {
    files += absl::EndsWith(entry->path().string(), ".json") ||
             absl::EndsWith(entry->path().string(), ".key");
  }
  if (files == 0) return Good("keys to take away", "none lie here any more");
  Fault("keys to take away", false,
        absl::StrCat(files,
                     " still lie in take-away/: who has this machine "
                     "can open names"),
        "give them to the school as READ-ME.txt says, then shred them");
}

void Examination::Audit() {
  const absl::StatusOr<AuditKeys> keys = AuditKeysToRead(directory_);
  if (!keys.ok()) {
    return Fault("audit log", true, std::string(keys.status().message()),
                 "put the file back from a backup");
  }
  auto log = OpenAudit(directory_, *keys);
  if (!log.ok()) return;
  const absl::Status status = (*log)->Verify();
  if (status.ok()) return Good("audit log", "whole, up to its signed head");
  const std::string why(absl::StripPrefix(status.message(), "audit log: "));
  if (absl::IsFailedPrecondition(status)) {
    return Fault("audit log", false, why, "restart the collector");
  }
  Fault("audit log", true, why,
        "keep a copy, compare with the last backup, tell the school");
}

}  // namespace schoolgate::collector
