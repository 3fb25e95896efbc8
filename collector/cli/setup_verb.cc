#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "collector/cli/option_words.h"
#include "collector/cli/program.h"
#include "collector/cli/setup.h"
#include "collector/cli/verbs.h"
#include "platform/clock.h"
#include "platform/usage.h"

namespace schoolgate::collector {
namespace {

struct Options {
  SetupRequest request;
  bool json = false;
};

void PrintJson(const SetupResult& result) {
  nlohmann::json line = {
      {"school", result.school_id},  {"listen", result.config.listen},
      {"web", result.config.web},    {"authority_sha256", result.fingerprint},
      {"existing", result.existing}, {"take_away", result.take_away}};
  line["accounts"] = nlohmann::json::array();
  for (const NewAccount& account : result.accounts) {
    line["accounts"].push_back({{"name", account.name},
                                {"role", account.display_name},
                                {"password", account.password}});
  }
  line["shares"] = nlohmann::json::array();
  for (const NewShare& share : result.shares) {
    line["shares"].push_back({{"holder", share.holder},
                              {"file", share.file},
                              {"passphrase", share.passphrase}});
  }
  std::printf("%s\n", line.dump().c_str());
}

void PrintText(const Options& options, const SetupResult& result) {
  const std::string& data = options.request.directory.path;
  std::printf("Collector in %s, school %s\n", data.c_str(),
              result.school_id.c_str());
  std::printf("  devices report to  %s\n", result.config.listen.c_str());
  std::printf("  dashboard          https://%s/\n", result.config.web.c_str());
  std::printf("  authority SHA-256  %s\n", result.fingerprint.c_str());
  if (!result.existing.empty()) {
    std::printf("Kept as it was:\n");
    for (const std::string& what : result.existing) {
      std::printf("  %s\n", what.c_str());
    }
  }
  if (!result.accounts.empty()) {
    std::printf(
        "New accounts (each password is shown once, and must be "
        "changed at the first log-in):\n");
    for (const NewAccount& account : result.accounts) {
      std::printf("  %-12s %-22s %s\n", account.name.c_str(),
                  account.display_name.c_str(), account.password.c_str());
    }
  }
  PrintShares(result.shares);
  if (!result.take_away.empty()) {
    std::printf(
        "Take these files away today, as %s/take-away/READ-ME.txt "
        "says:\n",
        data.c_str());
    for (const std::string& file : result.take_away) {
      std::printf("  %s\n", file.c_str());
    }
  }
  std::printf(
      "Next:\n"
      "  schoolgate-collector serve --data %s\n"
      "  schoolgate-collector enrol-token --data %s --school %s --group staff "
      "--uses 30 --expires 14d\n",
      data.c_str(), data.c_str(), result.school_id.c_str());
}

}  // namespace

void AddSetup(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  SetupRequest& request = options->request;
  CLI::App* verb = app.add_subcommand(
      "setup",
      "Make a collector: authority, keys, first accounts. May be repeated: "
      "what exists is kept, a further school is added");
  AddDataOption(*verb, &request.directory);
  verb->add_option("--school", request.school, "The school's name")
      ->required()
      ->check([](const std::string& name) {
        return SchoolIdOf(name).empty()
                   ? "\"" + name + "\": needs letters or digits"
                   : std::string();
      });
  verb->add_option("--trust", request.trust, "The trust's name");
  verb->add_option("--listen", request.listen,
                   "Where devices report to, HOST:PORT (0.0.0.0:4780)")
      ->check(CheckAddress);
  verb->add_option("--web", request.web,
                   "Where the dashboard is, HOST:PORT (0.0.0.0:4443)")
      ->check(CheckAddress);
  verb->add_option("--database", request.database,
                   "PostgreSQL for all stores, which several collectors may "
                   "share, as libpq takes it (none: all is in the directory)");
  verb->add_option("--metrics", request.metrics,
                   "Where figures for Prometheus and health are, HOST:PORT, "
                   "for instance 127.0.0.1:4781 (none)")
      ->check(CheckAddress);
  verb->add_option("--name", request.names,
                   "A DNS name or address of this machine, for its "
                   "certificates; may be repeated (default: its host name)")
      ->check(CheckOwnName);
  verb->add_option("--root", request.rules_root,
                   "The rules' root file, handed to devices");
  verb->add_option("--share-holder", request.share_holders,
                   "Who gets a share of the key that opens names; repeat it, "
                   "it takes two (head, lead, deputy, senior)");
  verb->add_flag("--recovery-sheet", request.recovery_sheet,
                 "Also write that key whole, for the school's safe");
  verb->add_flag("--json", options->json, "Print one JSON object");
  verb->callback([options, verb, exit_code] {
    const std::string mistake = CheckHolders(options->request.share_holders);
    if (!mistake.empty()) {
      *exit_code = platform::ComplainOfUsage(*verb, mistake);
      return;
    }
    const absl::StatusOr<SetupResult> result =
        SetUp(options->request, platform::SystemClock().Now());
    if (!result.ok()) {
      *exit_code = Complain(result.status());
    } else if (options->json) {
      PrintJson(*result);
    } else {
      PrintText(*options, *result);
    }
  });
}

}  // namespace schoolgate::collector
