// lookup: what a bundle's lists say about a host, and where that comes from.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "platform/complaint.h"
#include "rules/bundle/listed_alone.h"
#include "rules/cli/asked_bundle.h"
#include "rules/cli/json_line.h"
#include "rules/cli/key_ring.h"
#include "rules/cli/verbs.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {
namespace {

struct LookupOptions {
  std::string bundle;
  std::vector<std::string> hosts;
  bool json = false;
};

nlohmann::json SourcesOf(const Ruleset& rules, const std::string& category,
                         std::string_view suffix) {
  nlohmann::json sources = nlohmann::json::array();
  if (suffix == category + ".check.schoolgate.test") {
    sources.push_back({{"list", "canary"}, {"source", "schoolgate"}});
    return sources;
  }
  for (const auto& list : rules.lists().lists()) {
    if (list.category() != category) continue;
    sources.push_back({{"list", list.name()},
                       {"source", list.source()},
                       {"licence", list.licence()}});
  }
  return sources;
}

nlohmann::json Describe(const Ruleset& rules, const std::string& text) {
  nlohmann::json answer = {{"host", text}};
  answer["categories"] = nlohmann::json::array();
  answer["matches"] = nlohmann::json::array();
  const auto host = HostName::Parse(text);
  if (!host.has_value()) {
    answer["error"] = kNoHost;
    return answer;
  }
  answer["name"] = std::string(host->text());
  const ListedAlone listed(rules.index(), rules.lists());
  for (const CategoryMatch& match : listed.Matches(*host)) {
    const std::string& category = rules.index().categories()[match.category];
    answer["categories"].push_back(category);
    answer["matches"].push_back(
        {{"category", category},
         {"suffix", std::string(match.suffix)},
         {"lists", SourcesOf(rules, category, match.suffix)}});
  }
  return answer;
}

void PrintText(const nlohmann::json& answer) {
  const std::string host = answer["host"];
  if (answer["matches"].empty()) std::printf("%s: not listed\n", host.c_str());
  for (const auto& match : answer["matches"]) {
    std::string lists;
    for (const auto& list : match["lists"]) {
      absl::StrAppend(&lists, lists.empty() ? "" : ", ",
                      list["list"].get<std::string>());
      const std::string source = list["source"];
      if (!source.empty()) absl::StrAppend(&lists, " (", source, ")");
    }
    std::printf("%s: %s, listed as %s, from %s\n", host.c_str(),
                match["category"].get<std::string>().c_str(),
                match["suffix"].get<std::string>().c_str(), lists.c_str());
  }
}

int Lookup(const LookupOptions& options) {
  const auto rules = OpenToAsk(options.bundle);
  if (!rules.ok()) return platform::Complain(kRulesProgram, rules.status());
  int exit_code = platform::kExitOk;
  for (const std::string& host : options.hosts) {
    const nlohmann::json answer = Describe(**rules, host);
    const bool is_host = !answer.contains("error");
    if (!is_host) exit_code = platform::kExitFailed;
    if (options.json) {
      std::printf("%s\n", JsonLine(answer).c_str());
    } else if (is_host) {
      PrintText(answer);
    } else {
      ComplainOfHost(host);
    }
  }
  return exit_code;
}

}  // namespace

void AddLookup(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<LookupOptions>();
  CLI::App* verb = app.add_subcommand(
      "lookup", "Say under which categories hosts are listed, and by whom.");
  verb->add_option("bundle", options->bundle, "BUNDLE")->required();
  verb->add_option("hosts", options->hosts, "HOST...")->required();
  verb->add_flag("--json", options->json, "One JSON object a host");
  verb->callback([options, exit_code] { *exit_code = Lookup(*options); });
}

}  // namespace schoolgate::rules
