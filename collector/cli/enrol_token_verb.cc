#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/option_words.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/secret_file.h"
#include "collector/fleet/token.h"
#include "platform/clock.h"
#include "rules/usual_groups.h"

namespace schoolgate::collector {
namespace {

constexpr uint32_t kMostUses = 100'000;

struct Options {
  DataDirectory directory;
  std::string school, group = "staff", expires = "7d", collector, output;
  std::string withdraw;
  uint32_t uses = 1;
  bool json = false;
};

// Where devices find us: as given, or the first name with the port listened
// on.
std::string PublicAddress(const Options& options,
                          const CollectorConfig& config) {
  if (!options.collector.empty()) return options.collector;
  const std::string port = config.listen.substr(config.listen.rfind(':'));
  return absl::StrCat(config.names.empty() ? "localhost" : config.names.front(),
                      port);
}

nlohmann::json EnrolmentFile(const Options& options,
                             const CollectorConfig& config,
                             const Authority& authority,
                             const std::string& token) {
  return {{"collector", PublicAddress(options, config)},
          {"token", token},
          {"authority_fingerprint", authority.fingerprint()},
          {"authority_pem", authority.certificates_pem()}};
}

absl::Status Withdraw(const Options& options) {
  auto devices = OpenDevices(options.directory);
  if (!devices.ok()) return devices.status();
  // The whole token is what the file that leaked shows.
  const auto whole = ParseToken(options.withdraw);
  absl::StatusOr<EnrolToken> token =
      (*devices)->GetToken(whole ? whole->id : options.withdraw);
  if (absl::IsNotFound(token.status())) {
    return absl::NotFoundError(absl::StrCat(
        token.status().message(),
        ": give the token, sg1.ID.SECRET, of the enrolment file, or its ID"));
  }
  if (!token.ok()) return token.status();
  token->withdrawn = true;
  absl::Status status = (*devices)->PutToken(*token);
  if (status.ok()) std::printf("withdrawn: %s\n", token->id.c_str());
  return status;
}

absl::Status MakeOne(const Options& options) {
  const absl::StatusOr<CollectorConfig> config = LoadConfig(options.directory);
  if (!config.ok()) return config.status();
  const std::string school =
      options.school.empty() && config->schools.size() == 1
          ? config->schools.front().id
          : options.school;
  absl::Status status = CheckSchool(*config, school);
  if (!status.ok()) return status;
  const absl::Time now = platform::SystemClock().Now();
  const absl::StatusOr<absl::Time> expires =
      ReadEnd(options.expires, now, absl::LocalTimeZone());
  if (!expires.ok()) return expires.status();
  const auto authority = Authority::Load(options.directory.Authority());
  if (!authority.ok()) return authority.status();
  auto devices = OpenDevices(options.directory);
  if (!devices.ok()) return devices.status();
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  const TokenText text = MakeToken();
  EnrolToken token;
  token.id = text.id;
  token.secret_hash = HashOfSecret(text.secret);
  token.school = school;
  token.group = options.group;
  token.uses_left = options.uses;
  token.expires = *expires;
  status = (*audit)->Append(
      {.time = now,
       .who = "system",
       .action = "enrol_token",
       .about = token.id,
       .detail = absl::StrCat(school, " ", options.group, " ", options.uses),
       .hash = ""});
  if (status.ok()) status = (*devices)->PutToken(token);
  if (!status.ok()) return status;
  const nlohmann::json file =
      EnrolmentFile(options, *config, **authority, Join(text));
  if (!options.output.empty()) {
    status = WriteSecretFile(options.output, file.dump(2) + "\n");
    if (!status.ok()) return status;
  }
  if (options.json) {
    nlohmann::json line = file;
    line["id"] = token.id;
    line["school"] = school;
    line["group"] = token.group;
    line["uses"] = options.uses;
    line["expires"] = absl::FormatTime(token.expires, absl::UTCTimeZone());
    std::printf("%s\n", line.dump().c_str());
  } else if (options.output.empty()) {
    std::printf("%s\n", file.dump(2).c_str());
  } else {
    std::printf(
        "%s: %u devices of %s may enrol as %s until %s\n",
        options.output.c_str(), options.uses, school.c_str(),
        token.group.c_str(),
        absl::FormatTime("%e %B %Y %H:%M", token.expires, absl::LocalTimeZone())
            .c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddEnrolToken(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "enrol-token",
      "Make the enrolment file that lets devices of a group join");
  AddDataOption(*verb, &options->directory);
  verb->add_option("--school", options->school,
                   "The school's id (not needed when there is one)");
  verb->add_option("--group", options->group, "The devices' group")
      ->check(CLI::IsMember(std::vector<std::string>(
          rules::kUsualGroups.begin(), rules::kUsualGroups.end())))
      ->capture_default_str();
  verb->add_option("--uses", options->uses, "How many devices may use it")
      ->check(CLI::Range(1u, kMostUses))
      ->capture_default_str();
  verb->add_option("--expires", options->expires,
                   "How long (14d, 36h), or until when: a day with all of it "
                   "(2026-12-31), an instant (2026-12-31T16:00:00Z)")
      ->check(CheckEnd)
      ->capture_default_str();
  verb->add_option("--collector", options->collector,
                   "HOST:PORT as devices reach it (default: our first name)")
      ->check(CheckCollectorAddress);
  verb->add_option("-o,--output", options->output,
                   "Write the enrolment file here (mode 0600) instead of "
                   "printing it (-: print it)");
  verb->add_option("--withdraw", options->withdraw,
                   "Withdraw this token, or that with this id, instead");
  verb->add_flag("--json", options->json, "Print one JSON object");
  verb->callback([options, exit_code] {
    if (options->output == kStandardOutput) options->output.clear();
    const absl::Status status =
        options->withdraw.empty() ? MakeOne(*options) : Withdraw(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
