#include "collector/cli/split_key_verb.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "collector/cli/name_key.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/option_words.h"
#include "collector/cli/program.h"
#include "collector/store/audit_log.h"
#include "platform/clock.h"
#include "platform/usage.h"

namespace schoolgate::collector {
namespace {

struct Options {
  DataDirectory directory;
  std::string school, key_file;
  std::vector<std::string> holders;
  bool json = false;
};

absl::StatusOr<std::vector<NewShare>> Split(const Options& options) {
  const auto config = LoadConfig(options.directory);
  if (!config.ok()) return config.status();
  absl::Status status = CheckSchool(*config, options.school);
  if (!status.ok()) return status;
  const auto audit = OpenAudit(options.directory);
  if (!audit.ok()) return audit.status();
  auto shares = SplitKeyFile(
      options.directory, options.school, options.key_file,
      options.holders.empty() ? DefaultShareHolders() : options.holders);
  if (!shares.ok()) return shares.status();
  status = (*audit)->Append({.time = platform::SystemClock().Now(),
                             .who = "system",
                             .action = "split_name_key",
                             .about = options.school,
                             .detail = std::to_string(shares->size()),
                             .hash = ""});
  if (!status.ok()) return status;
  return shares;
}

void Print(const Options& options, const std::vector<NewShare>& shares) {
  if (!options.json) {
    PrintShares(shares);
    std::printf(
        "The whole key was erased here. Destroy every copy of it, on paper and "
        "on sticks:\nwho has one needs no second person.\n");
    return;
  }
  nlohmann::json list = nlohmann::json::array();
  for (const NewShare& share : shares) {
    list.push_back({{"holder", share.holder},
                    {"file", share.file},
                    {"passphrase", share.passphrase}});
  }
  std::printf("%s\n", nlohmann::json({{"shares", list}}).dump().c_str());
}

}  // namespace

void AddSplitKey(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "split-key",
      "Turn a school's whole key to names into shares of which it takes two, "
      "and erase it");
  AddDataOption(*verb, &options->directory);
  verb->add_option("--school", options->school, "The school's id")->required();
  verb->add_option("--key", options->key_file,
                   "The key (take-away/SCHOOL-safeguarding.key)");
  verb->add_option("--share-holder", options->holders,
                   "Who gets a share; repeat it (head, lead, deputy, senior)");
  verb->add_flag("--json", options->json, "Print one JSON object");
  verb->callback([options, verb, exit_code] {
    const std::string mistake = CheckHolders(options->holders);
    if (!mistake.empty()) {
      *exit_code = platform::ComplainOfUsage(*verb, mistake);
      return;
    }
    const auto shares = Split(*options);
    if (!shares.ok()) {
      *exit_code = Complain(shares.status());
    } else {
      Print(*options, *shares);
    }
  });
}

}  // namespace schoolgate::collector
