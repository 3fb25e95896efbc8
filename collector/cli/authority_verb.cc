#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/preflight.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/authority_change.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostNamed = 10;

struct Options {
  DataDirectory directory;
  bool json = false;
  bool leave_behind = false;
};

std::string Day(absl::Time time) {
  return absl::FormatTime("%e %B %Y", time, absl::UTCTimeZone());
}

// Certificates count in whole seconds: one that was made in the very second of
// the change would not tell on which side of it.
absl::Time NextSecond() {
  const absl::Time now = platform::SystemClock().Now();
  const absl::Time next = absl::FromUnixSeconds(absl::ToUnixSeconds(now) + 1);
  std::this_thread::sleep_for(absl::ToChronoNanoseconds(next - now));
  return next;
}

absl::Status NobodyServes(const DataDirectory& directory) {
  if (!IsServing(directory)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      directory.path,
      ": its collector runs: stop it, do this, and start it again; devices "
      "keep their events meanwhile"));
}

absl::StatusOr<std::vector<Device>> LeftBehind(const Options& options,
                                               absl::Time begun) {
  auto devices = OpenDevices(options.directory);
  if (!devices.ok()) return devices.status();
  const absl::StatusOr<std::vector<Device>> all = (*devices)->All("");
  if (!all.ok()) return all.status();
  return DevicesLeftBehind(*all, begun);
}

absl::Status Note(const Options& options, const std::string& action,
                  const std::string& fingerprint, absl::Time now) {
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  return (*audit)->Append({.time = now,
                           .who = "system",
                           .action = action,
                           .about = fingerprint,
                           .detail = "",
                           .hash = ""});
}

void Print(const nlohmann::json& line) {
  std::printf("%s\n", line.dump().c_str());
}

absl::Status Show(const Options& options) {
  const std::string folder = options.directory.Authority();
  const auto authority = Authority::Load(folder);
  if (!authority.ok()) return authority.status();
  const auto validity = ValidityOf((*authority)->certificates_pem());
  if (!validity.ok()) return validity.status();
  nlohmann::json line = {{"fingerprint", (*authority)->fingerprint()},
                         {"ends", absl::FormatTime(validity->to)},
                         {"changing", false}};
  const absl::StatusOr<absl::Time> begun = AuthorityChangeBegun(folder);
  std::vector<Device> behind;
  if (begun.ok()) {
    absl::StatusOr<std::vector<Device>> found = LeftBehind(options, *begun);
    if (!found.ok()) return found.status();
    behind = *std::move(found);
    line["changing"] = true;
    line["begun"] = absl::FormatTime(*begun);
    line["behind"] = nlohmann::json::array();
    for (const Device& device : behind) line["behind"].push_back(device.id);
  }
  if (options.json) {
    Print(line);
    return absl::OkStatus();
  }
  std::printf("authority: %s\nends: %s\n", (*authority)->fingerprint().c_str(),
              Day(validity->to).c_str());
  if (!begun.ok()) return absl::OkStatus();
  std::printf("a change runs since %s: %zu devices have not learned of it\n",
              Day(*begun).c_str(), behind.size());
  for (size_t i = 0; i < behind.size() && i < kMostNamed; ++i) {
    std::printf("  %s %s, last heard %s\n", behind[i].id.c_str(),
                behind[i].hostname.c_str(),
                Day(behind[i].last_contact).c_str());
  }
  return absl::OkStatus();
}

absl::Status Rotate(const Options& options) {
  const auto config = LoadConfig(options.directory);
  if (!config.ok()) return config.status();
  absl::Status status = NobodyServes(options.directory);
  if (!status.ok()) return status;
  const std::string folder = options.directory.Authority();
  const absl::Time now = NextSecond();
  if (!AuthorityChangeBegun(folder).ok()) {
    // Devices believe only the old one until they have called: what we show
    // them is signed by it, and must last as long as they may take.
    const auto old = Authority::Load(folder);
    if (!old.ok()) return old.status();
    status = MakeServerCertificates(options.directory, *config, **old, now);
    if (!status.ok()) return status;
  }
  status = BeginAuthorityChange(
      folder,
      absl::StrCat(config->trust, " Schoolgate authority of ", Day(now)), now);
  if (!status.ok()) return status;
  const auto fresh = Authority::Load(folder);
  if (!fresh.ok()) return fresh.status();
  const std::string fingerprint = (*fresh)->fingerprint();
  status = Note(options, "authority_rotate", fingerprint, now);
  if (!status.ok()) return status;
  if (options.json) {
    Print({{"fingerprint", fingerprint}});
  } else {
    std::printf(
        "new authority: %s\nStart the collector: devices learn of it when they "
        "call. `authority` shows who has not; then `authority finish`.\n",
        fingerprint.c_str());
  }
  return absl::OkStatus();
}

absl::Status Finish(const Options& options) {
  const auto config = LoadConfig(options.directory);
  if (!config.ok()) return config.status();
  absl::Status status = NobodyServes(options.directory);
  if (!status.ok()) return status;
  const std::string folder = options.directory.Authority();
  const absl::StatusOr<absl::Time> begun = AuthorityChangeBegun(folder);
  if (!begun.ok()) return begun.status();
  const auto behind = LeftBehind(options, *begun);
  if (!behind.ok()) return behind.status();
  if (!behind->empty() && !options.leave_behind) {
    return absl::FailedPreconditionError(absl::StrCat(
        behind->size(), " devices, such as ", behind->front().id,
        ", know only the old authority and would have to be enrolled again: "
        "wait until they have called, take them out of use, or say "
        "--leave-behind"));
  }
  const auto authority = Authority::Load(folder);
  if (!authority.ok()) return authority.status();
  const absl::Time now = platform::SystemClock().Now();
  status = MakeServerCertificates(options.directory, *config, **authority, now);
  if (status.ok()) status = EndAuthorityChange(folder);
  if (status.ok()) {
    status =
        Note(options, "authority_finish", (*authority)->fingerprint(), now);
  }
  if (!status.ok()) return status;
  if (options.json) {
    Print({{"fingerprint", (*authority)->fingerprint()},
           {"left_behind", behind->size()}});
  } else {
    std::printf(
        "only %s is trusted now; %zu devices left behind\nStart the collector. "
        "Feed readers and enrolment files of before need new ones.\n",
        (*authority)->fingerprint().c_str(), behind->size());
  }
  return absl::OkStatus();
}

}  // namespace

void AddAuthority(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "authority", "Show the authority that devices trust, or change it");
  AddDataOption(*verb, &options->directory);
  verb->add_flag("--json", options->json, "One JSON object");
  verb->require_subcommand(0, 1);
  verb->fallthrough();
  CLI::App* rotate = verb->add_subcommand(
      "rotate", "Make a new one; the old one stays trusted until `finish`");
  CLI::App* finish =
      verb->add_subcommand("finish", "Trust the old one no more");
  finish->add_flag("--leave-behind", options->leave_behind,
                   "Also when devices know only the old one");
  verb->callback([options, rotate, finish, exit_code] {
    const absl::Status status = rotate->parsed()   ? Rotate(*options)
                                : finish->parsed() ? Finish(*options)
                                                   : Show(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
