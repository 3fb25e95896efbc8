#include "rules/policy/compile.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rules/policy/document.h"
#include "rules/policy/draft.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {
namespace {

constexpr int64_t kLanguage = 1;

void ReadHead(MapReader& top, const PolicySource& source, Draft* draft) {
  if (top.Number("schoolgate", 0, 1000) != kLanguage) {
    top.Fail("schoolgate", "must be 1: the version of the policy language");
  }
  const bool baseline = top.Choice("kind", {"policy", "baseline"}, 0) == 1;
  const std::string id = top.Required("id");
  const std::string title = top.Required("title");
  if (baseline != source.is_baseline) {
    top.Fail("kind", baseline
                         ? "is baseline: build the policy that names it"
                         : "must be baseline in a file that others build on");
  }
  v1::CompiledPolicy& policy = draft->policy;
  if (source.is_baseline) {
    policy.set_baseline(id);
    return;
  }
  policy.set_id(id);
  policy.set_title(title);
  policy.set_mark(top.Text("mark", id));
  policy.set_school(top.Text("school", title));
  const std::vector<std::string> modes = {"observe", "shadow", "enforce"};
  policy.set_mode(modes[top.Choice("mode", modes, 2)]);
  const std::vector<std::string> answers = {"no-such-name", "zero-address"};
  policy.set_blocked_answer(answers[top.Choice("blocked_answer", answers, 0)]);
  policy.set_containers(top.Flag("containers", false));
  policy.set_harden_browsers(top.Flag("harden_browsers", false));
}

void ReadFile(const PolicySource& source, Draft* draft) {
  MapReader top(*source.root, source.is_baseline ? "baseline" : "policy",
                source.mistakes);
  if (!top.ok()) return;
  ReadHead(top, source, draft);
  if (!source.is_baseline) top.Text("baseline");
  draft->clauses.clear();
  ReadClauses(top, source, draft);
  ReadCategories(top, source, draft);
  ReadGroups(top, source, draft);
  ReadCalendar(top, source, draft);
  ReadNominations(top, source, draft);
  if (!source.is_baseline) ReadRestrictions(top, source, draft);
  ReadRules(top, source, draft);
  if (!source.is_baseline) ReadGuests(top, source, draft);
  ReadNames(top, source, draft);
  ReadSanctions(top, source, draft);
  ReadPeople(top, source, draft);
  ReadHousekeeping(top, source, draft);
  ReadPaper(top, source, draft);
  top.Done();
}

std::string Beside(const std::string& path, const std::string& name) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? name : path.substr(0, slash + 1) + name;
}

// Loads the baseline that the policy names. False after a mistake; true with
// an empty *path when it names none.
bool LoadBaseline(const std::string& policy_path, const Node& policy,
                  Mistakes* mistakes, std::vector<PolicyMistake>* all,
                  std::string* path, Node* root) {
  const Node* name = policy.Find("baseline");
  if (name == nullptr) return true;
  if (name->kind != Node::Kind::kScalar || name->text.empty() ||
      name->text.find('/') != std::string::npos) {
    mistakes->Add(policy.LineOf("baseline"),
                  "baseline: must be the name of a file beside this one");
    return false;
  }
  *path = Beside(policy_path, name->text);
  const size_t before = all->size();
  Mistakes of_baseline(*path, all);
  if (LoadDocument(*path, &of_baseline, root)) return true;
  if (all->size() > before && (*all)[before].line == 0) {
    (*all)[before] = {
        policy_path, policy.LineOf("baseline"),
        absl::StrCat("baseline: ", name->text, " ", (*all)[before].what)};
  }
  return false;
}

}  // namespace

bool CompilePolicyFile(const std::string& path, v1::CompiledPolicy* policy,
                       std::vector<PolicyMistake>* mistakes) {
  const size_t before = mistakes->size();
  Mistakes of_policy(path, mistakes);
  Node root;
  Node baseline;
  std::string baseline_path;
  if (!LoadDocument(path, &of_policy, &root) ||
      !LoadBaseline(path, root, &of_policy, mistakes, &baseline_path,
                    &baseline)) {
    return false;
  }
  Draft draft;
  if (!baseline_path.empty()) {
    Mistakes of_baseline(baseline_path, mistakes);
    // The mark is cited in the baseline's clauses too.
    if (const Node* mark = root.Find("mark"); mark != nullptr) {
      draft.policy.set_mark(mark->text);
    }
    ReadFile({&baseline, &of_baseline, true}, &draft);
  }
  ReadFile({&root, &of_policy, false}, &draft);
  if (mistakes->size() == before) {
    FindLoosening(path, baseline_path, draft, mistakes);
  }
  if (mistakes->size() == before) {
    const auto tables = PolicyTables::Make(draft.policy);
    if (!tables.ok()) of_policy.Add(1, std::string(tables.status().message()));
  }
  std::stable_sort(
      mistakes->begin() + static_cast<std::ptrdiff_t>(before), mistakes->end(),
      [](const PolicyMistake& a, const PolicyMistake& b) {
        return a.file != b.file ? a.file < b.file : a.line < b.line;
      });
  *policy = std::move(draft.policy);
  return mistakes->size() == before;
}

absl::StatusOr<v1::CompiledPolicy> CompilePolicyFile(const std::string& path) {
  v1::CompiledPolicy policy;
  std::vector<PolicyMistake> mistakes;
  if (CompilePolicyFile(path, &policy, &mistakes)) return policy;
  std::string lines;
  for (const PolicyMistake& mistake : mistakes) {
    if (!lines.empty()) lines += '\n';
    absl::StrAppend(&lines, mistake.file);
    if (mistake.line > 0) absl::StrAppend(&lines, ":", mistake.line);
    absl::StrAppend(&lines, ": ", mistake.what);
  }
  if (mistakes.size() == 1 && mistakes[0].line == 0) {
    return absl::NotFoundError(lines);
  }
  return absl::InvalidArgumentError(lines);
}

}  // namespace schoolgate::rules
