// schoolgate-rules diff: what a new bundle makes looser and tighter.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/time/time.h"
#include "platform/complaint.h"
#include "rules/cli/json_line.h"
#include "rules/cli/key_ring.h"
#include "rules/cli/time_option.h"
#include "rules/cli/verbs.h"
#include "rules/list_diff.h"
#include "rules/policy_diff.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {
namespace {

struct Options {
  std::string before;
  std::string after;
  std::string at;
  bool json = false;
};

void PrintList(const Options& options, const ListChange& change) {
  if (!options.json) {
    std::cout << SentenceOf(change) << '\n';
    return;
  }
  nlohmann::ordered_json line;
  line["kind"] = change.added ? "added" : "removed";
  line["category"] = change.category;
  line["hosts"] = change.hosts;
  line["examples"] = change.examples;
  line["looser_for"] = change.looser_for;
  line["tighter_for"] = change.tighter_for;
  std::cout << JsonLine(line) << '\n';
}

void PrintChange(const Options& options, const PolicyChange& change) {
  if (options.json) {
    nlohmann::ordered_json line;
    line["kind"] = change.looser ? "looser" : "tighter";
    line["sentence"] = change.sentence;
    std::cout << JsonLine(line) << '\n';
  } else {
    std::cout << (change.looser ? "Looser: " : "Tighter: ") << change.sentence
              << '\n';
  }
}

int Run(const Options& options) {
  const absl::StatusOr<absl::Time> at = TimeOrNow(options.at);
  if (!at.ok()) {
    platform::Complain(kRulesProgram, at.status());
    return platform::kExitUsage;
  }
  const auto before = Ruleset::Open(options.before);
  if (!before.ok()) return platform::Complain(kRulesProgram, before.status());
  const auto after = Ruleset::Open(options.after);
  if (!after.ok()) return platform::Complain(kRulesProgram, after.status());
  const auto changes =
      ComparePolicies((*before)->tables(), (*after)->tables(), *at);
  for (const PolicyChange& change : changes) PrintChange(options, change);
  const auto lists = CompareLists(**before, **after, *at);
  if (!lists.ok()) return platform::Complain(kRulesProgram, lists.status());
  for (const ListChange& change : *lists) PrintList(options, change);
  if (changes.empty() && lists->empty() && !options.json) {
    std::cout << "Nobody is treated differently in the five weeks from "
              << absl::FormatTime("%Y-%m-%d", *at, absl::UTCTimeZone())
              << ".\n";
  }
  return platform::kExitOk;
}

}  // namespace

void AddDiff(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "diff", "What a new bundle makes looser and tighter, and for whom");
  verb->add_option("old", options->before, "Bundle in force")->required();
  verb->add_option("new", options->after, "Bundle to compare")->required();
  verb->add_option("--at", options->at,
                   "RFC 3339 start of the five weeks compared; now when left "
                   "out");
  verb->add_flag("--json", options->json, "One JSON object a line");
  verb->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace schoolgate::rules
