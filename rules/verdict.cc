#include "rules/verdict.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::rules {
namespace {

// Which words go with a verdict.
class Words {
 public:
  Words(const PolicyTables& tables, const v1::Overlays& overlays,
        const Verdict& verdict, const Question& question)
      : policy_(tables.policy()),
        overlays_(overlays),
        verdict_(verdict),
        question_(question) {}

  void Fill(Decision* decision) const {
    switch (verdict_.why) {
      case Why::kLocked:
        FillRule("locked", decision);
        decision->reason =
            "The host is on the list of illegal material, which nobody at "
            "school can open.";
        return;
      case Why::kNeverLog:
        decision->rule = "never-log";
        decision->clause = absl::StrCat(
            policy_.mark(), " help and private matters are never recorded");
        decision->reason =
            "Help-lines and similar hosts are always open and never recorded.";
        return;
      case Why::kEmergency:
        return FillEmergency(decision);
      case Why::kPass:
        return FillPass(decision);
      case Why::kRule:
        return FillRule("", decision);
      case Why::kDefault:
        return FillDefault(decision);
    }
  }

 private:
  std::string Clause(int clause) const {
    return clause < 0 ? "" : policy_.clauses(clause).text();
  }

  void FillEmergency(Decision* decision) const {
    const v1::EmergencyBlock& block = overlays_.blocks(verdict_.rule);
    decision->rule = "emergency:" + block.id();
    decision->clause =
        absl::StrCat(policy_.mark(), " emergency block by ", block.by());
    decision->reason =
        absl::StrCat("Blocked at once by ", block.by(), ": ", block.reason());
  }

  void FillPass(Decision* decision) const {
    const v1::LessonPass& pass = overlays_.passes(verdict_.rule);
    decision->rule = "pass:" + pass.id();
    decision->clause = absl::StrCat(
        policy_.mark(), " lesson pass, approved by ", pass.approver());
    decision->reason = absl::StrCat("Opened for a lesson at the request of ",
                                    pass.requester(), ": ", pass.reason());
  }

  void FillRule(const std::string& otherwise, Decision* decision) const {
    decision->rule = otherwise;
    if (verdict_.rule < 0) {
      decision->clause =
          absl::StrCat(policy_.mark(), " illegal material is always blocked");
      return;
    }
    const v1::PolicyRule& rule = verdict_.by_host
                                     ? policy_.host_rules(verdict_.rule)
                                     : policy_.matrix(verdict_.rule);
    decision->rule = rule.id();
    decision->clause = Clause(rule.clause());
    decision->reason = rule.reason();
    if (verdict_.exception >= 0) {
      const v1::PolicyException& exception =
          rule.exceptions(verdict_.exception);
      if (exception.clause() >= 0) {
        decision->clause = Clause(exception.clause());
      }
      if (!exception.reason().empty()) decision->reason = exception.reason();
    }
    AddStrictest(decision);
  }

  void FillDefault(Decision* decision) const {
    const v1::PolicyGroup& group = policy_.groups(verdict_.group);
    decision->rule = "default";
    decision->clause = Clause(group.default_clause());
    decision->reason =
        verdict_.action == Action::kAllow
            ? "No rule speaks against this host."
            : absl::StrCat("Only hosts on the allow-list are open to ",
                           group.title(), ".");
    AddStrictest(decision);
  }

  void AddStrictest(Decision* decision) const {
    if (verdict_.restriction >= 0) return AddRestriction(decision);
    if (verdict_.group < 0 ||
        policy_.groups(verdict_.group).id() == question_.group) {
      return;
    }
    absl::StrAppend(&decision->reason,
                    " It is not known who is asking, so the strictest group's "
                    "answer holds.");
  }

  void AddRestriction(Decision* decision) const {
    const v1::Restriction& one = policy_.restrictions(verdict_.restriction);
    if (IsGuestsEnd(policy_, one)) {
      decision->rule = "guest-ended";
      decision->reason =
          absl::StrCat("This guest account was for use until the end of ",
                       DayBefore(policy_, one.from_unix_s()),
                       ". Whoever still needs one asks at the school.");
      return;
    }
    absl::StrAppend(&decision->reason, " This holds until the end of ",
                    LastDayOf(policy_, one),
                    ", as the school decided: ", one.reason());
  }

  const v1::CompiledPolicy& policy_;
  const v1::Overlays& overlays_;
  const Verdict& verdict_;
  const Question& question_;
};

}  // namespace

void Word(const PolicyTables& tables, const v1::Overlays& overlays,
          const Verdict& verdict, const Question& question,
          Decision* decision) {
  Words(tables, overlays, verdict, question).Fill(decision);
}

}  // namespace schoolgate::rules
