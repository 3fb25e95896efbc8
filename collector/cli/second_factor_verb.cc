#include <cstdio>
#include <memory>

#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "collector/store/account_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/second_factor_store.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

struct Options {
  DataDirectory directory;
  std::string account;
};

absl::Status Remove(const Options& options) {
  auto accounts = OpenAccounts(options.directory);
  if (!accounts.ok()) return accounts.status();
  const absl::Status known = (*accounts)->Get(options.account).status();
  if (!known.ok()) return known;
  auto factors = OpenSecondFactors(options.directory);
  if (!factors.ok()) return factors.status();
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  const absl::Status recorded =
      (*audit)->Append({.time = platform::SystemClock().Now(),
                        .who = "system",
                        .action = "remove_second_factor",
                        .about = options.account,
                        .detail = "command line",
                        .hash = ""});
  if (!recorded.ok()) return recorded;
  const absl::Status removed = (*factors)->Remove(options.account);
  if (!removed.ok()) return removed;
  std::printf("%s logs in with the password alone now\n",
              options.account.c_str());
  return removed;
}

}  // namespace

void AddSecondFactor(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "second-factor", "Help somebody who has lost their authenticator");
  AddDataOption(*verb, &options->directory);
  verb->add_option("--remove", options->account,
                   "The account that logs in with its password alone again")
      ->required();
  verb->callback([options, exit_code] {
    const absl::Status status = Remove(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
