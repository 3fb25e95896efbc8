// schoolgate-rules explain: a policy in plain English.
#include "rules/policy/explain.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "platform/complaint.h"
#include "rules/cli/key_ring.h"
#include "rules/cli/verbs.h"
#include "rules/policy/compile.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {
namespace {

bool IsYaml(const std::string& path) {
  const size_t dot = path.find_last_of('.');
  const std::string ending = dot == std::string::npos ? "" : path.substr(dot);
  return ending == ".yaml" || ending == ".yml";
}

int Run(const std::string& path) {
  if (IsYaml(path)) {
    const auto policy = CompilePolicyFile(path);
    if (!policy.ok()) return platform::Complain(kRulesProgram, policy.status());
    std::cout << ExplainPolicy(*policy);
    return platform::kExitOk;
  }
  const auto rules = Ruleset::Open(path);
  if (!rules.ok()) return platform::Complain(kRulesProgram, rules.status());
  std::cout << ExplainPolicy((*rules)->policy());
  return platform::kExitOk;
}

}  // namespace

void AddExplain(CLI::App& app, int* exit_code) {
  auto path = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand(
      "explain", "Print a policy as a document to be read beside the paper");
  verb->add_option("policy", *path, "Policy file (.yaml) or bundle")
      ->required();
  verb->callback([path, exit_code] { *exit_code = Run(*path); });
}

}  // namespace schoolgate::rules
