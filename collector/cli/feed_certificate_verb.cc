#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/fleet/authority.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/audit_log.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kLifetime = absl::Hours(24 * 365);

struct Options {
  DataDirectory directory;
  std::string name, school, account, output;
};

absl::Status Make(const Options& options) {
  absl::Status status =
      LoadConfigOf(options.directory, options.school).status();
  if (!status.ok()) return status;
  if (!options.account.empty()) {
    auto accounts = OpenAccounts(options.directory);
    if (!accounts.ok()) return accounts.status();
    const absl::StatusOr<Account> account = (*accounts)->Get(options.account);
    if (!account.ok() || account->school != options.school ||
        options.school.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--account ", options.account,
                       ": no such account of that school: give --school, too"));
    }
  }
  const auto authority = Authority::Load(options.directory.Authority());
  if (!authority.ok()) return authority.status();
  std::string common_name = absl::StrCat("feed/", options.name);
  if (!options.school.empty())
    absl::StrAppend(&common_name, "/", options.school);
  if (!options.account.empty())
    absl::StrAppend(&common_name, "/", options.account);
  const absl::Time now = platform::SystemClock().Now();
  const absl::StatusOr<Certificate> made =
      (*authority)->MakeClient(common_name, now, kLifetime);
  if (!made.ok()) return made.status();
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  status = (*audit)->Append({.time = now,
                             .who = "system",
                             .action = "feed_certificate",
                             .about = common_name,
                             .detail = "",
                             .hash = ""});
  if (status.ok()) {
    status = WriteSecretFile(options.output + ".key", made->key_pem);
  }
  if (status.ok()) {
    status = WriteSecretFile(options.output + ".crt", made->certificate_pem);
  }
  if (status.ok()) {
    status = WriteSecretFile(options.output + ".ca.crt",
                             (*authority)->certificates_pem());
  }
  if (!status.ok()) return status;
  std::printf("%s.key, %s.crt, %s.ca.crt: read alerts as %s for a year\n",
              options.output.c_str(), options.output.c_str(),
              options.output.c_str(), common_name.c_str());
  return status;
}

}  // namespace

void AddFeedCertificate(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "feed-certificate",
      "Make the key and certificate with which a program reads the alert feed");
  AddDataOption(*verb, &options->directory);
  verb->add_option("--name", options->name, "Who reads")
      ->required()
      ->check([](const std::string& name) {
        return name.find('/') == std::string::npos
                   ? std::string()
                   : name + ": a name has no slash";
      });
  verb->add_option("--school", options->school, "Alerts of this school only");
  verb->add_option("--account", options->account,
                   "Only what this account of the school may see");
  verb->add_option("-o,--output", options->output,
                   "Write FILE.key, FILE.crt and FILE.ca.crt")
      ->required();
  verb->callback([options, exit_code] {
    const absl::Status status = Make(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
