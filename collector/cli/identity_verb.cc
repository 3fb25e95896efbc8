#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "collector/cli/doctor.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program.h"
#include "collector/cli/verbs.h"
#include "platform/clock.h"
#include "platform/usage.h"

namespace schoolgate::collector {
namespace {

struct Options {
  DataDirectory directory;
  std::string account, email, subject;
  bool remove = false;
  bool check = false;
  bool json = false;
};

absl::Status Record(const Options& options, const std::string& action) {
  auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  return (*audit)->Append({.time = platform::SystemClock().Now(),
                           .who = "system",
                           .action = action,
                           .about = options.account,
                           .detail = "command line",
                           .hash = ""});
}

absl::Status List(const Options& options, IdentityStore& store) {
  const auto all = store.All();
  if (!all.ok()) return all.status();
  for (const Identity& one : *all) {
    if (options.json) {
      const nlohmann::json line = {{"account", one.account},
                                   {"email", one.email},
                                   {"issuer", one.issuer},
                                   {"subject", one.subject}};
      std::printf("%s\n", line.dump().c_str());
    } else if (one.bound()) {
      std::printf("%-12s %-30s %s at %s\n", one.account.c_str(),
                  one.email.c_str(), one.subject.c_str(), one.issuer.c_str());
    } else {
      std::printf("%-12s %-30s not logged in there yet\n", one.account.c_str(),
                  one.email.c_str());
    }
  }
  return absl::OkStatus();
}

absl::Status Check(const Options& options) {
  const absl::StatusOr<CollectorConfig> config = LoadConfig(options.directory);
  if (!config.ok()) return config.status();
  if (config->oidc.issuer.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        options.directory.Config(),
        ": no directory: add `oidc`, docs/collector.md tells how"));
  }
  if (absl::Status good = AskDirectory(*config); !good.ok()) return good;
  std::printf("%s answers; it must send people back to %s/signed-in\n",
              config->oidc.issuer.c_str(), config->oidc.dashboard.c_str());
  return absl::OkStatus();
}

absl::Status Change(const Options& options, IdentityStore& store) {
  auto accounts = OpenAccounts(options.directory);
  if (!accounts.ok()) return accounts.status();
  if (absl::Status known = (*accounts)->Get(options.account).status();
      !known.ok()) {
    return known;
  }
  if (options.remove) {
    absl::Status status = Record(options, "unbind_directory");
    if (status.ok()) status = store.Remove(options.account);
    if (status.ok()) {
      std::printf("%s logs in with its password alone now\n",
                  options.account.c_str());
    }
    return status;
  }
  Identity identity{options.account, absl::AsciiStrToLower(options.email), "",
                    options.subject};
  if (!options.subject.empty()) {
    const absl::StatusOr<CollectorConfig> config =
        LoadConfig(options.directory);
    if (!config.ok()) return config.status();
    identity.issuer = config->oidc.issuer;
    if (identity.issuer.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(
          options.directory.Config(),
          ": a subject is one of a provider: add `oidc` there first"));
    }
  }
  absl::Status status = Record(options, "set_directory");
  if (status.ok()) status = store.Put(identity);
  if (!status.ok()) return status;
  std::printf(
      "%s may log in at the school's directory%s\n", options.account.c_str(),
      identity.bound()
          ? ""
          : absl::StrCat(" as whoever it says has the address ", identity.email)
                .c_str());
  return status;
}

absl::Status Do(const Options& options) {
  if (options.check) return Check(options);
  auto store = OpenIdentities(options.directory);
  if (!store.ok()) return store.status();
  if (options.account.empty()) return List(options, **store);
  return Change(options, **store);
}

}  // namespace

void AddIdentity(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "identity",
      "Who of the school's directory an account belongs to (log-in with "
      "OpenID Connect); alone it lists them");
  AddDataOption(*verb, &options->directory);
  CLI::Option* account =
      verb->add_option("--account", options->account, "The account");
  CLI::Option* email =
      verb->add_option("--email", options->email,
                       "Belongs to the first person to log in whose address "
                       "the directory says is this")
          ->needs(account);
  CLI::Option* subject =
      verb->add_option("--subject", options->subject,
                       "Belongs to this person: the directory's sub")
          ->needs(account);
  verb->add_flag("--remove", options->remove, "Belongs to nobody any more")
      ->needs(account)
      ->excludes(email)
      ->excludes(subject);
  verb->add_flag("--check", options->check,
                 "Ask the directory whether it is there and fits")
      ->excludes(account);
  verb->add_flag("--json", options->json, "Print the list as JSON");
  verb->callback([options, verb, exit_code] {
    if (!options->account.empty() && options->email.empty() &&
        options->subject.empty() && !options->remove) {
      *exit_code = platform::ComplainOfUsage(
          *verb,
          "--account: what about it: add --email, --subject or --remove");
      return;
    }
    const absl::Status status = Do(*options);
    if (!status.ok()) *exit_code = Complain(status);
  });
}

}  // namespace schoolgate::collector
