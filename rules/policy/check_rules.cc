// Rules that contradict each other, their clause or a never-log host.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "rules/bundle/host_name.h"
#include "rules/policy/check_parts.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::rules {
namespace {

const char* Name(v1::Action action) {
  constexpr const char* kNames[] = {"block", "allow", "record", "warn",
                                    "block"};
  return kNames[action];
}

template <typename List>
auto Shared(const List& a, const List& b) -> decltype(a.begin()) {
  return std::find_first_of(a.begin(), a.end(), b.begin(), b.end());
}

class RuleCheck {
 public:
  RuleCheck(const v1::CompiledPolicy& policy, const Node& root,
            Findings* findings)
      : policy_(policy), root_(root), findings_(findings) {}

  void Run() {
    for (int i = 0; i < policy_.matrix_size(); ++i) {
      const v1::PolicyRule& rule = policy_.matrix(i);
      if (rule.origin() != v1::RULE_ORIGIN_SCHOOL) continue;
      for (int j = 0; j < i; ++j) Rows(policy_.matrix(j), rule);
      Exceptions(rule);
      AgainstClause(rule);
    }
    for (int i = 0; i < policy_.host_rules_size(); ++i) {
      const v1::PolicyRule& rule = policy_.host_rules(i);
      if (rule.origin() != v1::RULE_ORIGIN_SCHOOL) continue;
      for (int j = 0; j < i; ++j) Hosts(policy_.host_rules(j), rule);
      Exceptions(rule);
      AgainstNeverLog(rule);
    }
    AllowLists();
  }

 private:
  bool Is(int group, int other) const {
    for (; group >= 0; group = policy_.groups(group).parent()) {
      if (group == other) return true;
    }
    return false;
  }

  // A row that says the same at all times says one action.
  static bool SameAnswers(const v1::PolicyRule& a, const v1::PolicyRule& b) {
    return a.action() == b.action() && a.exceptions_size() == 0 &&
           b.exceptions_size() == 0;
  }

  void Rows(const v1::PolicyRule& a, const v1::PolicyRule& b) {
    if (a.origin() != v1::RULE_ORIGIN_SCHOOL || SameAnswers(a, b)) return;
    const auto category = Shared(a.categories(), b.categories());
    const auto group = Shared(a.groups(), b.groups());
    if (category == a.categories().end() || group == a.groups().end()) return;
    findings_->Contradiction(
        static_cast<int>(b.line()), absl::StrCat(a.id(), "/", b.id()),
        absl::StrCat("rule ", b.id(), " (", Name(b.action()), ") and rule ",
                     a.id(), " (", Name(a.action()), ", line ", a.line(),
                     ") both speak about ",
                     policy_.categories(static_cast<int>(*category)).id(),
                     " for ", policy_.groups(static_cast<int>(*group)).id(),
                     ": the stricter holds; remove one"));
  }

  void Hosts(const v1::PolicyRule& a, const v1::PolicyRule& b) {
    if (a.origin() != v1::RULE_ORIGIN_SCHOOL || SameAnswers(a, b)) return;
    const auto host = Shared(a.hosts(), b.hosts());
    const auto group = Shared(a.groups(), b.groups());
    if (host == a.hosts().end() || group == a.groups().end()) return;
    findings_->Contradiction(
        static_cast<int>(b.line()), absl::StrCat(a.id(), "/", b.id()),
        absl::StrCat("rule ", b.id(), " says ", Name(b.action()), " and rule ",
                     a.id(), " (line ", a.line(), ") says ", Name(a.action()),
                     " about ", *host, ": the stricter holds; remove one"));
  }

  // The earlier exception holds whenever the later one does.
  bool Swallows(const v1::PolicyRule& rule, const v1::PolicyException& a,
                const v1::PolicyException& b) const {
    if (a.nominees_size() > 0 ||
        (a.place() != v1::PLACE_UNSPECIFIED && a.place() != b.place()) ||
        (a.schedule_plus_1() != 0 &&
         (a.schedule_plus_1() != b.schedule_plus_1() ||
          a.outside_schedule() != b.outside_schedule()))) {
      return false;
    }
    if (a.groups_size() == 0) return true;
    const auto& later = b.groups_size() == 0 ? rule.groups() : b.groups();
    return std::all_of(later.begin(), later.end(), [&](uint32_t group) {
      return std::any_of(
          a.groups().begin(), a.groups().end(), [&](uint32_t other) {
            return Is(static_cast<int>(group), static_cast<int>(other));
          });
    });
  }

  void Exceptions(const v1::PolicyRule& rule) {
    for (int i = 0; i < rule.exceptions_size(); ++i) {
      const v1::PolicyException& later = rule.exceptions(i);
      for (int j = 0; j < i; ++j) {
        const v1::PolicyException& earlier = rule.exceptions(j);
        if (!Swallows(rule, earlier, later)) continue;
        findings_->Contradiction(
            static_cast<int>(later.line()), rule.id() + "/exceptions",
            absl::StrCat("rule ", rule.id(), ": this exception (",
                         Name(later.action()),
                         ") is never reached: the one on line ", earlier.line(),
                         " (", Name(earlier.action()), ") always holds first"));
        break;
      }
      if (later.action() == rule.action() && i + 1 == rule.exceptions_size()) {
        findings_->Warning(static_cast<int>(later.line()),
                           absl::StrCat("rule ", rule.id(),
                                        ": this exception says what the rule "
                                        "says anyway"));
      }
    }
  }

  // The paper says no and the rule says yes.
  void AgainstClause(const v1::PolicyRule& rule) {
    if (rule.clause() < 0) return;
    const v1::PolicyClause& clause = policy_.clauses(rule.clause());
    const Node* clauses = root_.Find("clauses");
    const Node* source =
        clauses == nullptr ? nullptr : clauses->Find(clause.id());
    const Node* stance = source == nullptr ? nullptr : source->Find("stance");
    if (stance == nullptr ||
        (stance->text != "not-allowed" && stance->text != "illegal")) {
      return;
    }
    const auto complain = [&](v1::Action action, uint32_t line) {
      findings_->Contradiction(
          static_cast<int>(line), rule.id() + "/" + clause.id(),
          absl::StrCat("rule ", rule.id(), " says ", Name(action),
                       ", but its clause ", clause.id(), " (line ",
                       clause.line(), ") says ", stance->text, ": \"",
                       clause.quote(), "\""));
    };
    if (rule.action() != v1::ACTION_BLOCK) complain(rule.action(), rule.line());
    for (const v1::PolicyException& exception : rule.exceptions()) {
      if (exception.action() != v1::ACTION_BLOCK && exception.clause() < 0) {
        complain(exception.action(), exception.line());
      }
    }
  }

  void AgainstNeverLog(const v1::PolicyRule& rule) {
    for (const std::string& host : rule.hosts()) {
      for (const std::string& open : policy_.never_log_hosts()) {
        if (rule.action() == v1::ACTION_ALLOW || !IsAtOrBelow(host, open)) {
          continue;
        }
        findings_->Contradiction(
            static_cast<int>(rule.line()), rule.id() + "/never-log",
            absl::StrCat("rule ", rule.id(), " says ", Name(rule.action()),
                         " about ", host, ", but ", open,
                         " is never logged and always open: the rule has no "
                         "effect"));
      }
    }
  }

  void AllowLists() {
    for (int i = 0; i < policy_.groups_size(); ++i) {
      if (!policy_.groups(i).allow_list_only()) continue;
      if (policy_.groups(i).id() == kEndedGroup) continue;  // as it is meant
      bool opens = false;
      for (const auto* rules : {&policy_.matrix(), &policy_.host_rules()}) {
        for (const v1::PolicyRule& rule : *rules) {
          opens = opens ||
                  (rule.action() == v1::ACTION_ALLOW &&
                   std::find(rule.groups().begin(), rule.groups().end(),
                             static_cast<uint32_t>(i)) != rule.groups().end());
        }
      }
      if (!opens) {
        findings_->Contradiction(
            root_.line, policy_.groups(i).id() + "/allow-list",
            absl::StrCat("group ", policy_.groups(i).id(),
                         " has an allow-list, but no rule that names it opens "
                         "anything"));
      }
    }
  }

  const v1::CompiledPolicy& policy_;
  const Node& root_;
  Findings* findings_;
};

}  // namespace

void CheckRules(const v1::CompiledPolicy& policy, const Node& root,
                Findings* findings) {
  RuleCheck(policy, root, findings).Run();
}

}  // namespace schoolgate::rules
