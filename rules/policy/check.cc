#include "rules/policy/check.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "rules/policy/check_parts.h"
#include "rules/policy/compile.h"

namespace schoolgate::rules {
namespace {

// Puts the recorded choices to the findings that they answer; a choice that
// answers nothing is a finding itself.
void Answer(const v1::CompiledPolicy& policy, Findings* findings) {
  for (const v1::PolicyChoice& choice : policy.choices()) {
    bool answers = false;
    for (Finding& finding : findings->list()) {
      if (finding.id != choice.trap()) continue;
      answers = true;
      finding.choice =
          absl::StrCat(choice.choice(), " (", choice.chosen_by(),
                       choice.date().empty() ? "" : ", ", choice.date(), ")");
      finding.choice_line = static_cast<int>(choice.line());
    }
    if (!answers) {
      findings->Warning(static_cast<int>(choice.line()),
                        absl::StrCat("choice ", choice.trap(),
                                     ": answers nothing that was found"));
    }
  }
}

}  // namespace

std::vector<Finding> CheckPolicyFile(const std::string& path, absl::Time now) {
  v1::CompiledPolicy policy;
  std::vector<PolicyMistake> mistakes;
  if (!CompilePolicyFile(path, &policy, &mistakes)) {
    std::vector<Finding> list;
    for (const PolicyMistake& mistake : mistakes) {
      list.push_back({Finding::Kind::kMistake, mistake.file, mistake.line, "",
                      mistake.what, "", 0});
    }
    return list;
  }
  Node root;
  Mistakes again(path, &mistakes);
  LoadDocument(path, &again, &root);
  Findings findings(path);
  CheckRules(policy, root, &findings);
  CheckPeopleAndTimes(policy, root, now, &findings);
  CheckTraps(policy, root, &findings);
  Answer(policy, &findings);
  std::stable_sort(
      findings.list().begin(), findings.list().end(),
      [](const Finding& a, const Finding& b) { return a.line < b.line; });
  return findings.list();
}

std::string_view KindName(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::kMistake:
      return "mistake";
    case Finding::Kind::kContradiction:
      return "contradiction";
    case Finding::Kind::kTrap:
      return "trap";
    case Finding::Kind::kWarning:
      return "warning";
  }
  return "warning";
}

}  // namespace schoolgate::rules
