// schoolgate-rules decide: what the rules say about a host, for whom, when.
#include "rules/decide.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "platform/complaint.h"
#include "rules/bundle/host_name.h"
#include "rules/cli/asked_bundle.h"
#include "rules/cli/json_line.h"
#include "rules/cli/key_ring.h"
#include "rules/cli/time_option.h"
#include "rules/cli/verbs.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {
namespace {

constexpr char kUtc[] = "%Y-%m-%dT%H:%M:%SZ";

struct Options {
  std::string bundle;
  std::string group;
  std::string user;
  std::string device;
  std::string at;
  std::string place = "onsite";
  std::vector<std::string> hosts;
  bool json = false;
};

void PrintJson(const std::string& host, const Decision& decision) {
  nlohmann::ordered_json line;
  line["host"] = host;
  line["categories"] = decision.categories;
  line["action"] = std::string(ActionName(decision.action));
  line["locked"] = decision.locked;
  line["rule"] = decision.rule;
  line["clause"] = decision.clause;
  line["reason"] = decision.reason;
  if (decision.until.has_value()) {
    line["until"] =
        absl::FormatTime(kUtc, *decision.until, absl::UTCTimeZone());
  } else {
    line["until"] = nullptr;
  }
  std::cout << JsonLine(line) << '\n';
}

void PrintText(const std::string& host, const Decision& decision) {
  std::cout << host << ": " << ActionName(decision.action);
  if (decision.locked) std::cout << " (locked)";
  if (!decision.categories.empty()) {
    std::cout << ", " << absl::StrJoin(decision.categories, " ");
  }
  std::cout << "\n  rule " << decision.rule;
  if (!decision.clause.empty()) std::cout << ", " << decision.clause;
  std::cout << "\n  " << decision.reason << "\n  holds until "
            << (decision.until.has_value()
                    ? absl::FormatTime(kUtc, *decision.until,
                                       absl::UTCTimeZone())
                    : "the rules change")
            << '\n';
}

// Like the other records, with an error in place of a decision.
int PrintNoHost(const Options& options, const std::string& host) {
  if (!options.json) return ComplainOfHost(host);
  const nlohmann::ordered_json line = {
      {"host", host},
      {"categories", nlohmann::ordered_json::array()},
      {"error", kNoHost}};
  std::cout << JsonLine(line) << '\n';
  return platform::kExitFailed;
}

// A mistyped group gets the strictest answer, which is nobody's.
void WarnOfGroup(const Ruleset& rules, const std::string& group) {
  const auto& groups = rules.policy().groups();
  if (std::any_of(groups.begin(), groups.end(),
                  [&](const auto& one) { return one.id() == group; })) {
    return;
  }
  std::cerr << kRulesProgram << ": --group " << group
            << ": warning: the bundle has no such group: the answer is the "
               "strictest of all groups: use one of "
            << absl::StrJoin(groups, ", ",
                             [](std::string* to, const v1::PolicyGroup& one) {
                               to->append(one.id());
                             })
            << '\n';
}

int Run(const Options& options) {
  const absl::StatusOr<absl::Time> at = TimeOrNow(options.at);
  if (!at.ok()) {
    platform::Complain(kRulesProgram, at.status());
    return platform::kExitUsage;
  }
  const auto rules = OpenToAsk(options.bundle);
  if (!rules.ok()) return platform::Complain(kRulesProgram, rules.status());
  WarnOfGroup(**rules, options.group);
  int exit_code = platform::kExitOk;
  for (const std::string& host : options.hosts) {
    if (!HostName::Parse(host).has_value()) {
      exit_code = PrintNoHost(options, host);
      continue;
    }
    Question question;
    question.host = host;
    question.group = options.group;
    question.user = options.user;
    question.device = options.device;
    question.place =
        options.place == "offsite" ? Place::kOffsite : Place::kOnsite;
    question.at = *at;
    const Decision decision = Decide(**rules, question);
    options.json ? PrintJson(host, decision) : PrintText(host, decision);
  }
  return exit_code;
}

}  // namespace

void AddDecide(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand(
      "decide", "What the rules say about hosts, for whom, when and where");
  verb->add_option("bundle", options->bundle, "Rule bundle")->required();
  verb->add_option("hosts", options->hosts, "Hosts to ask about")->required();
  verb->add_option("--group", options->group, "Group of the user")->required();
  verb->add_option("--user", options->user, "Log-in name");
  verb->add_option("--device", options->device, "Device id");
  verb->add_option("--at", options->at, "RFC 3339 time; now when left out");
  verb->add_option("--place", options->place, "onsite or offsite")
      ->check(CLI::IsMember({"onsite", "offsite"}));
  verb->add_flag("--json", options->json, "One JSON object a line");
  verb->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace schoolgate::rules
