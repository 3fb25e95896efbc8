#include "rules/policy_diff.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rules/judge.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::rules {
namespace {

constexpr absl::Duration kLookAhead = absl::Hours(5 * 7 * 24);
constexpr int kMostSteps = 2000;

const char* Done(Action action) {
  constexpr const char* kWords[] = {"blocked", "allowed", "recorded",
                                    "allowed after a warning", "blocked"};
  return kWords[static_cast<int>(action)];
}

// One direction of change of one cell over the weeks looked at.
struct Change {
  Action from = Action::kAllow;
  Action to = Action::kAllow;
  absl::Time first;
  absl::Duration lasts;
};

// What changes alike, so that it can be said in one sentence.
using Alike = std::tuple<bool, Action, Action, bool, std::string>;

class PolicyDiff {
 public:
  PolicyDiff(const PolicyTables& before, const PolicyTables& after,
             absl::Time from)
      : before_(before), after_(after), from_(from) {}

  std::vector<PolicyChange> Run() {
    std::set<std::string> groups;
    std::set<std::string> categories;
    std::set<std::string> hosts;
    for (const PolicyTables* tables : {&before_, &after_}) {
      for (const auto& group : tables->policy().groups()) {
        groups.insert(group.id());
      }
      for (const auto& category : tables->policy().categories()) {
        categories.insert(category.id());
      }
      for (const auto& rule : tables->policy().host_rules()) {
        hosts.insert(rule.hosts().begin(), rule.hosts().end());
      }
      hosts.insert(tables->policy().never_log_hosts().begin(),
                   tables->policy().never_log_hosts().end());
    }
    for (const std::string& group : groups) {
      for (const std::string& id : categories) {
        Cell(group, "", CategoryTitle(id), "", {id});
      }
      for (const std::string& host : hosts) Cell(group, "", host, host, {});
      Cell(group, "", "hosts that no list names", "unlisted.invalid", {});
    }
    Nominees();
    std::vector<PolicyChange> sentences = Sentences();
    Restrictions(before_.policy(), after_.policy(), true, &sentences);
    Restrictions(after_.policy(), before_.policy(), false, &sentences);
    return sentences;
  }

 private:
  std::string CategoryTitle(const std::string& id) const {
    const int known = after_.Category(id);
    const auto& policy = known >= 0 ? after_.policy() : before_.policy();
    return policy.categories(known >= 0 ? known : before_.Category(id)).title();
  }

  void Nominees() {
    std::set<std::tuple<std::string, std::string, std::string>> asked;
    for (const PolicyTables* tables : {&before_, &after_}) {
      const v1::CompiledPolicy& policy = tables->policy();
      for (const v1::PolicyRule& rule : policy.matrix()) {
        for (const v1::PolicyException& exception : rule.exceptions()) {
          if (exception.nominees_size() == 0) continue;
          const int group =
              static_cast<int>(exception.groups_size() > 0 ? exception.groups(0)
                                                           : rule.groups(0));
          for (const v1::Nominee& nominee : exception.nominees()) {
            for (const uint32_t category : rule.categories()) {
              asked.insert(
                  {policy.groups(group).id(), nominee.user(),
                   policy.categories(static_cast<int>(category)).id()});
            }
          }
        }
      }
    }
    for (const auto& [group, user, category] : asked) {
      Cell(group, user, CategoryTitle(category), "", {category});
    }
  }

  // What `one` restricts and `other` does not.
  static void Restrictions(const v1::CompiledPolicy& one,
                           const v1::CompiledPolicy& other, bool looser,
                           std::vector<PolicyChange>* sentences) {
    for (const v1::Restriction& restriction : one.restrictions()) {
      const bool kept =
          std::any_of(other.restrictions().begin(), other.restrictions().end(),
                      [&](const v1::Restriction& is) {
                        return Covers(other, is, one, restriction);
                      });
      if (kept) continue;
      const std::string words = RestrictionWords(one, restriction);
      const PolicyChange change{
          looser,
          absl::StrCat(
              looser ? "No longer restricted: " : "Restricted: ", words, ".")};
      sentences->insert(looser ? sentences->begin() : sentences->end(), change);
    }
  }

  Decision Ask(const PolicyTables& tables, const std::string& group,
               const std::string& user, const std::string& host,
               const std::vector<std::string>& categories, Place place,
               absl::Time at) const {
    Question question;
    question.host = host;
    question.group = group;
    question.user = user;
    question.place = place;
    question.at = at;
    return Judge(tables, v1::Overlays(), host, categories, question);
  }

  void Cell(const std::string& group, const std::string& user,
            const std::string& subject, const std::string& host,
            const std::vector<std::string>& categories) {
    const auto here = Walk(group, user, host, categories, Place::kOnsite);
    const auto away = Walk(group, user, host, categories, Place::kOffsite);
    const std::string who = user.empty() ? GroupTitle(group) : user;
    for (const bool looser : {true, false}) {
      const Change* at_school = Of(here, looser);
      const Change* elsewhere = Of(away, looser);
      if (at_school != nullptr && elsewhere != nullptr &&
          at_school->from == elsewhere->from &&
          at_school->to == elsewhere->to) {
        Note(looser, *at_school, "", who, subject);
        continue;
      }
      if (at_school != nullptr) {
        Note(looser, *at_school, ", at school", who, subject);
      }
      if (elsewhere != nullptr) {
        Note(looser, *elsewhere, ", away from school", who, subject);
      }
    }
  }

  std::string GroupTitle(const std::string& id) const {
    for (const PolicyTables* tables : {&after_, &before_}) {
      for (const auto& group : tables->policy().groups()) {
        if (group.id() == id) return group.title();
      }
    }
    return id;
  }

  using Walked = std::map<bool, Change>;  // by "looser"

  static const Change* Of(const Walked& walked, bool looser) {
    const auto found = walked.find(looser);
    return found == walked.end() ? nullptr : &found->second;
  }

  Walked Walk(const std::string& group, const std::string& user,
              const std::string& host,
              const std::vector<std::string>& categories, Place place) const {
    Walked walked;
    const absl::Time end = from_ + kLookAhead;
    absl::Time at = from_;
    for (int step = 0; at < end && step < kMostSteps; ++step) {
      const Decision was =
          Ask(before_, group, user, host, categories, place, at);
      const Decision is = Ask(after_, group, user, host, categories, place, at);
      const absl::Time next =
          std::min({end, was.until.value_or(end), is.until.value_or(end)});
      if (was.action != is.action) {
        auto [found, fresh] = walked.try_emplace(
            is.action < was.action, Change{was.action, is.action, at, {}});
        found->second.lasts += next - at;
      }
      at = next;
    }
    return walked;
  }

  void Note(bool looser, const Change& change, const std::string& where,
            const std::string& who, const std::string& subject) {
    const bool always = change.lasts >= kLookAhead;
    std::string when = where;
    if (!always) {
      absl::StrAppend(&when, ", at certain times (first ",
                      absl::FormatTime("%a %Y-%m-%d %H:%M", change.first,
                                       absl::UTCTimeZone()),
                      " UTC, ",
                      static_cast<int>(absl::ToDoubleHours(change.lasts)),
                      " hours in five weeks)");
    }
    changes_[{looser, change.from, change.to, always, when}][subject].insert(
        who);
  }

  std::vector<PolicyChange> Sentences() const {
    std::vector<PolicyChange> sentences;
    for (const auto& [alike, subjects] : changes_) {
      const auto& [looser, from, to, always, when] = alike;
      std::map<std::set<std::string>, std::vector<std::string>> by_people;
      for (const auto& [subject, people] : subjects) {
        by_people[people].push_back(subject);
      }
      for (const auto& [people, what] : by_people) {
        sentences.push_back(
            {looser, absl::StrCat(absl::StrJoin(what, ", "), ": was ",
                                  Done(from), ", will be ", Done(to), " for ",
                                  absl::StrJoin(people, ", "), when, ".")});
      }
    }
    std::stable_sort(sentences.begin(), sentences.end(),
                     [](const PolicyChange& a, const PolicyChange& b) {
                       return a.looser > b.looser;
                     });
    return sentences;
  }

  const PolicyTables& before_;
  const PolicyTables& after_;
  const absl::Time from_;
  std::map<Alike, std::map<std::string, std::set<std::string>>> changes_;
};

}  // namespace

std::vector<PolicyChange> ComparePolicies(const PolicyTables& before,
                                          const PolicyTables& after,
                                          absl::Time from) {
  return PolicyDiff(before, after, from).Run();
}

}  // namespace schoolgate::rules
