// schoolgate-rules diff: what a new bundle makes looser and tighter.
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "platform/clock.h"
#include "platform/complaint.h"
#include "rules/cli/verbs.h"
#include "rules/policy_diff.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {
namespace {

constexpr char kProgram[] = "schoolgate-rules diff";
constexpr size_t kMostExamples = 5;

struct Options {
  std::string before;
  std::string after;
  std::string at;
  bool json = false;
};

// Hosts of one category that are listed in one bundle and not in the other.
struct ListChange {
  uint64_t count = 0;
  std::vector<std::string> examples;
};

using Listed = absl::flat_hash_set<std::pair<uint64_t, uint64_t>>;

template <typename Visit>
absl::Status ForEachListing(const Ruleset& rules, Visit visit) {
  return rules.index().ForEachEntry([&](const IndexEntry& entry) {
    entry.set.ForEach([&](int category) {
      visit(std::string(entry.name), rules.index().categories()[category]);
    });
  });
}

std::pair<uint64_t, uint64_t> KeyOf(const std::string& host,
                                    const std::string& category) {
  const auto one = absl::HashOf(host, category);
  return {one, absl::HashOf(category, host, one)};
}

// What `with` lists and `without` does not, by category.
absl::StatusOr<std::map<std::string, ListChange>> OnlyIn(
    const Ruleset& with, const Ruleset& without) {
  Listed listed;
  auto status = ForEachListing(
      without, [&](const std::string& host, const std::string& category) {
        listed.insert(KeyOf(host, category));
      });
  if (!status.ok()) return status;
  std::map<std::string, ListChange> changes;
  status = ForEachListing(
      with, [&](const std::string& host, const std::string& category) {
        if (listed.contains(KeyOf(host, category))) return;
        ListChange& change = changes[category];
        ++change.count;
        if (change.examples.size() < kMostExamples) {
          change.examples.push_back(host);
        }
      });
  if (!status.ok()) return status;
  return changes;
}

// The examples of the locked lists stay unsaid.
std::string Examples(const std::string& category, const ListChange& change) {
  if (IsAlwaysLocked(category)) return "sealed";
  return absl::StrCat(absl::StrJoin(change.examples, ", "),
                      change.count > change.examples.size() ? ", ..." : "");
}

void PrintLists(const Options& options, const char* how,
                const std::map<std::string, ListChange>& changes) {
  for (const auto& [category, change] : changes) {
    if (options.json) {
      nlohmann::ordered_json line;
      line["kind"] = how;
      line["category"] = category;
      line["hosts"] = change.count;
      line["examples"] = IsAlwaysLocked(category) ? std::vector<std::string>()
                                                  : change.examples;
      std::cout << line.dump() << '\n';
    } else {
      std::cout << "List " << category << ": " << change.count << " hosts "
                << how << " (" << Examples(category, change) << ").\n";
    }
  }
}

void PrintChange(const Options& options, const PolicyChange& change) {
  if (options.json) {
    nlohmann::ordered_json line;
    line["kind"] = change.looser ? "looser" : "tighter";
    line["sentence"] = change.sentence;
    std::cout << line.dump() << '\n';
  } else {
    std::cout << (change.looser ? "Looser: " : "Tighter: ") << change.sentence
              << '\n';
  }
}

int Run(const Options& options) {
  absl::Time at = platform::SystemClock().Now();
  std::string why;
  if (!options.at.empty() &&
      !absl::ParseTime(absl::RFC3339_full, options.at, &at, &why)) {
    platform::Complain(kProgram,
                       absl::InvalidArgumentError(absl::StrCat(
                           "--at: \"", options.at,
                           "\" is no time: write it as 2026-11-23T10:00:00Z")));
    return platform::kExitUsage;
  }
  const auto before = Ruleset::Open(options.before);
  if (!before.ok()) return platform::Complain(kProgram, before.status());
  const auto after = Ruleset::Open(options.after);
  if (!after.ok()) return platform::Complain(kProgram, after.status());
  const auto changes =
      ComparePolicies((*before)->tables(), (*after)->tables(), at);
  for (const PolicyChange& change : changes) PrintChange(options, change);
  const auto added = OnlyIn(**after, **before);
  if (!added.ok()) return platform::Complain(kProgram, added.status());
  const auto removed = OnlyIn(**before, **after);
  if (!removed.ok()) return platform::Complain(kProgram, removed.status());
  PrintLists(options, "added", *added);
  PrintLists(options, "removed", *removed);
  if (changes.empty() && added->empty() && removed->empty() && !options.json) {
    std::cout << "Nobody is treated differently in the five weeks from "
              << absl::FormatTime("%Y-%m-%d", at, absl::UTCTimeZone()) << ".\n";
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
