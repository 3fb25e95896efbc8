// A school may tighten its trust's baseline, never loosen it.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rules/bundle/host_name.h"
#include "rules/policy/draft.h"

namespace schoolgate::rules {
namespace {

const char* Name(v1::Action action) {
  constexpr const char* kNames[] = {"block", "allow", "record", "warn",
                                    "block"};
  return kNames[action];
}

// The least that a rule ever does to a group, and the line that says so.
struct Least {
  v1::Action action = v1::ACTION_BLOCK;
  uint32_t line = 0;
};

class Comparison {
 public:
  Comparison(const std::string& school_file, const std::string& baseline_file,
             const v1::CompiledPolicy& policy,
             std::vector<PolicyMistake>* mistakes)
      : school_file_(school_file),
        baseline_file_(baseline_file),
        policy_(policy),
        mistakes_(mistakes) {}

  void Run() {
    for (const v1::PolicyRule& floor : policy_.matrix()) {
      if (floor.origin() != v1::RULE_ORIGIN_TRUST) continue;
      for (const v1::PolicyRule& rule : policy_.matrix()) {
        if (rule.origin() == v1::RULE_ORIGIN_SCHOOL && Share(floor, rule)) {
          Compare(floor, rule);
        }
      }
    }
    for (const v1::PolicyRule& floor : policy_.host_rules()) {
      if (floor.origin() != v1::RULE_ORIGIN_TRUST) continue;
      for (const v1::PolicyRule& rule : policy_.host_rules()) {
        if (rule.origin() == v1::RULE_ORIGIN_SCHOOL && Covers(floor, rule)) {
          Compare(floor, rule);
        }
      }
    }
  }

 private:
  static bool Share(const v1::PolicyRule& a, const v1::PolicyRule& b) {
    return std::any_of(
        a.categories().begin(), a.categories().end(), [&](uint32_t category) {
          return std::find(b.categories().begin(), b.categories().end(),
                           category) != b.categories().end();
        });
  }

  // Whether a host of the school's rule lies at or below one of the floor's
  // and no other floor rule speaks about it more closely.
  bool Covers(const v1::PolicyRule& floor, const v1::PolicyRule& rule) const {
    for (const std::string& host : rule.hosts()) {
      for (std::string_view suffix = host; !suffix.empty();
           suffix = ParentOf(suffix)) {
        bool here = false;
        bool any = false;
        for (const v1::PolicyRule& other : policy_.host_rules()) {
          if (other.origin() != v1::RULE_ORIGIN_TRUST) continue;
          for (const std::string& listed : other.hosts()) {
            if (listed != suffix) continue;
            any = true;
            here = here || &other == &floor;
          }
        }
        if (here) return true;
        if (any) break;
      }
    }
    return false;
  }

  bool Is(int group,
          const google::protobuf::RepeatedField<uint32_t>& named) const {
    for (; group >= 0; group = policy_.groups(group).parent()) {
      if (std::find(named.begin(), named.end(), static_cast<uint32_t>(group)) !=
          named.end()) {
        return true;
      }
    }
    return false;
  }

  Least LeastFor(const v1::PolicyRule& rule, int group) const {
    Least least{rule.action(), rule.line()};
    for (const v1::PolicyException& exception : rule.exceptions()) {
      if (exception.groups_size() > 0 && !Is(group, exception.groups())) {
        continue;
      }
      if (exception.action() < least.action) {
        least = {exception.action(), exception.line()};
      }
    }
    return least;
  }

  void Compare(const v1::PolicyRule& floor, const v1::PolicyRule& rule) {
    for (int group = 0; group < policy_.groups_size(); ++group) {
      if (!Is(group, floor.groups()) || !Is(group, rule.groups())) continue;
      const Least at_least = LeastFor(floor, group);
      const Least least = LeastFor(rule, group);
      if (least.action >= at_least.action) continue;
      mistakes_->push_back(
          {school_file_, static_cast<int>(least.line),
           absl::StrCat("rule ", rule.id(), ": ", Name(least.action), "s what ",
                        baseline_file_, ":", at_least.line, " (rule ",
                        floor.id(), ") says to ", Name(at_least.action),
                        " for ", policy_.groups(group).id(),
                        ": a school may tighten the baseline, never loosen "
                        "it")});
      return;
    }
  }

  const std::string& school_file_;
  const std::string& baseline_file_;
  const v1::CompiledPolicy& policy_;
  std::vector<PolicyMistake>* mistakes_;
};

}  // namespace

void FindLoosening(const std::string& school_file,
                   const std::string& baseline_file, const Draft& draft,
                   std::vector<PolicyMistake>* mistakes) {
  Comparison(school_file, baseline_file, draft.policy, mistakes).Run();
}

}  // namespace schoolgate::rules
