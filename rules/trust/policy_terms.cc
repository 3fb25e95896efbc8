#include "rules/trust/policy_terms.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::rules {
namespace {

using Strings = google::protobuf::RepeatedPtrField<std::string>;

bool IsLocked(const PolicyTables& tables, int category) {
  return (tables.locked() >> category & 1) != 0;
}

class TermComparison {
 public:
  TermComparison(const PolicyTables& before, const PolicyTables& after,
                 Loosenings* found)
      : before_(before),
        after_(after),
        old_(before.policy()),
        new_(after.policy()),
        found_(found) {}

  void Run() {
    Categories();
    Groups();
    NeverLogHosts();
    RestrictedAnswers();
    Scope();
    Mode();
    Thresholds();
    Silence();
    Added(old_.approved_remote_access(), new_.approved_remote_access(),
          "approved remote access");
    Added(old_.approved_ai(), new_.approved_ai(), "approved AI");
    Restrictions();
    Oversight();
    Unknown();
  }

 private:
  void Looser(std::string words) { found_->looser.Add(std::move(words)); }

  void Categories() {
    for (int i = 0; i < old_.categories_size(); ++i) {
      const v1::PolicyCategory& was = old_.categories(i);
      const int now = after_.Category(was.id());
      const bool locked = now >= 0 && IsLocked(after_, now);
      if (IsLocked(before_, i) && !locked) {
        found_->unlocked.Add(
            absl::StrCat("category ", was.id(), " is no longer locked"));
      }
      if (now < 0) {
        Looser(absl::StrCat("category ", was.id(), " is gone"));
        continue;
      }
      Category(was, new_.categories(now));
    }
    for (const v1::PolicyCategory& is : new_.categories()) {
      if (before_.Category(is.id()) >= 0) continue;
      v1::PolicyCategory none;
      none.set_id(is.id());
      none.set_tier(is.tier());
      none.set_log_offsite(is.log_offsite());
      Category(none, is);
    }
  }

  void Category(const v1::PolicyCategory& was, const v1::PolicyCategory& is) {
    const std::string name = absl::StrCat("category ", was.id());
    if (is.passable() && !was.passable()) {
      Looser(name + " can be opened by lesson passes");
    }
    if (is.never_log() && !was.never_log()) {
      Looser(name + " is always open and never recorded");
    }
    if (is.nameless() && !was.nameless()) Looser(name + " is not recorded");
    if (!is.log_offsite() && was.log_offsite()) {
      Looser(name + " is not recorded off site");
    }
    if (is.tier() != was.tier() && is.tier() > was.tier()) {
      Looser(name + " counts as less serious");
    }
    for (const uint32_t other : is.displaces()) {
      const std::string& id = new_.categories(static_cast<int>(other)).id();
      const bool did = std::any_of(
          was.displaces().begin(), was.displaces().end(), [&](uint32_t old) {
            return old_.categories(static_cast<int>(old)).id() == id;
          });
      if (!did) Looser(absl::StrCat(name, " displaces ", id));
    }
  }

  void Groups() {
    std::map<std::string, const v1::PolicyGroup*> now;
    for (const v1::PolicyGroup& group : new_.groups()) now[group.id()] = &group;
    for (const v1::PolicyGroup& was : old_.groups()) {
      const auto found = now.find(was.id());
      if (found == now.end()) {
        Looser(absl::StrCat("group ", was.id(), " is gone"));
        continue;
      }
      Group(was, *found->second);
      now.erase(found);
    }
    // Who was in no group had the strictest answer.
    for (const auto& [id, group] : now) {
      Looser(absl::StrCat("group ", id, " is new"));
    }
  }

  static std::string ParentOf(const v1::CompiledPolicy& policy,
                              const v1::PolicyGroup& group) {
    return group.parent() < 0 ? "" : policy.groups(group.parent()).id();
  }

  void Group(const v1::PolicyGroup& was, const v1::PolicyGroup& is) {
    const std::string name = absl::StrCat("group ", was.id());
    if (was.strictest() != is.strictest()) {
      Looser(name + " changes its place as the strictest group");
    }
    if (was.session_minutes() != 0 &&
        (is.session_minutes() == 0 ||
         is.session_minutes() > was.session_minutes())) {
      Looser(name + " has longer sessions");
    }
    if (ParentOf(old_, was) != ParentOf(new_, is)) {
      Looser(name + " belongs to another group");
    }
    if (was.shared_accounts() != is.shared_accounts() ||
        was.personal_history() != is.personal_history()) {
      Looser(name + " changes what is kept about a person");
    }
    // Hosts that no list and no rule knows.
    const auto action = [](v1::Action one) {
      return one == v1::ACTION_UNSPECIFIED ? v1::ACTION_BLOCK : one;
    };
    if (action(is.default_action()) < action(was.default_action()) ||
        (was.allow_list_only() && !is.allow_list_only())) {
      Looser(name + " may reach more hosts that no rule knows");
    }
  }

  // Both ways: adding opens a host, removing has help-seekers recorded.
  void NeverLogHosts() {
    Added(old_.never_log_hosts(), new_.never_log_hosts(),
          "never recorded, always open");
    Added(new_.never_log_hosts(), old_.never_log_hosts(),
          "no longer protected from being recorded");
  }

  void Added(const Strings& before, const Strings& after, const char* what) {
    for (const std::string& one : after) {
      if (std::find(before.begin(), before.end(), one) == before.end()) {
        Looser(absl::StrCat(one, ": ", what));
      }
    }
  }

  std::string AnswerText(const v1::CompiledPolicy& policy,
                         const v1::RestrictedAnswer& answer) const {
    std::string text = absl::StrCat(answer.host(), " ", answer.answer());
    std::set<std::string> groups;
    for (const uint32_t group : answer.groups()) {
      if (group < static_cast<uint32_t>(policy.groups_size())) {
        groups.insert(policy.groups(static_cast<int>(group)).id());
      }
    }
    for (const std::string& group : groups) absl::StrAppend(&text, " ", group);
    return text;
  }

  void RestrictedAnswers() {
    std::set<std::string> now;
    for (const auto& answer : new_.restricted_answers()) {
      now.insert(AnswerText(new_, answer));
    }
    for (const auto& answer : old_.restricted_answers()) {
      if (!now.count(AnswerText(old_, answer))) {
        Looser(absl::StrCat("restricted mode of ", answer.host(), " changes"));
      }
    }
  }

  void Scope() {
    if (old_.containers() && !new_.containers()) {
      Looser("containers are no longer judged");
    }
    if (old_.harden_browsers() && !new_.harden_browsers()) {
      Looser("browsers may hide names again");
    }
  }

  // One that ends sooner, names another group or is gone. That it may be over
  // already is not asked: it would be a clock that decides about a signature.
  void Restrictions() {
    for (const v1::Restriction& was : old_.restrictions()) {
      const bool kept =
          std::any_of(new_.restrictions().begin(), new_.restrictions().end(),
                      [&](const v1::Restriction& is) {
                        return Covers(new_, is, old_, was);
                      });
      if (!kept) {
        Looser(absl::StrCat("no longer restricted as before: ",
                            RestrictionWords(old_, was)));
      }
    }
  }

  static int ModeRank(const std::string& mode) {
    return mode == "enforce" ? 2 : mode == "shadow" ? 1 : 0;
  }

  void Mode() {
    if (ModeRank(new_.mode()) < ModeRank(old_.mode())) {
      Looser(absl::StrCat("mode ", old_.mode(), " becomes ", new_.mode()));
    }
  }

  void Thresholds() {
    const auto key = [](const v1::Threshold& one) {
      return absl::StrCat(one.id(), " ", one.scope(), " ", one.schedule());
    };
    std::map<std::string, const v1::Threshold*> now;
    for (const auto& one : new_.thresholds()) now[key(one)] = &one;
    for (const auto& was : old_.thresholds()) {
      const auto is = now.find(key(was));
      if (is == now.end() || is->second->count() > was.count() ||
          is->second->bytes() > was.bytes() ||
          is->second->window_minutes() < was.window_minutes()) {
        Looser(absl::StrCat("threshold ", was.id(), " of ", was.scope(),
                            " notices less"));
      }
    }
  }

  void Silence() {
    std::set<std::string> silent;
    for (const auto* rules : {&old_.host_rules(), &old_.matrix()}) {
      for (const v1::PolicyRule& rule : *rules) {
        if (rule.silent()) silent.insert(rule.id());
      }
    }
    for (const auto* rules : {&new_.host_rules(), &new_.matrix()}) {
      for (const v1::PolicyRule& rule : *rules) {
        if (rule.silent() && !silent.count(rule.id())) {
          Looser(absl::StrCat("rule ", rule.id(), " records nothing"));
        }
      }
    }
  }

  // Who is told, what follows and how long it is kept: no change of these is
  // tighter than another.
  static v1::CompiledPolicy OversightOf(const v1::CompiledPolicy& policy) {
    v1::CompiledPolicy part;
    *part.mutable_roles() = policy.roles();
    *part.mutable_routes() = policy.routes();
    *part.mutable_retention() = policy.retention();
    for (auto& role : *part.mutable_roles()) role.clear_line();
    for (auto& route : *part.mutable_routes()) {
      route.clear_line();
      route.clear_clause();
    }
    for (auto& rule : *part.mutable_retention()) rule.clear_clause();
    return part;
  }

  void Oversight() {
    if (OversightOf(old_).SerializeAsString() !=
        OversightOf(new_).SerializeAsString()) {
      Looser("roles, routes of alerts or retention change");
    }
  }

  // A newer compiler's words that this program does not know.
  void Unknown() {
    v1::CompiledPolicy known = new_;
    known.DiscardUnknownFields();
    if (known.ByteSizeLong() != new_.ByteSizeLong()) {
      Looser("holds terms that this version of the program does not know");
    }
  }

  const PolicyTables& before_;
  const PolicyTables& after_;
  const v1::CompiledPolicy& old_;
  const v1::CompiledPolicy& new_;
  Loosenings* const found_;
};

}  // namespace

void CompareTerms(const PolicyTables& before, const PolicyTables& after,
                  Loosenings* found) {
  TermComparison(before, after, found).Run();
}

}  // namespace schoolgate::rules
