#include "rules/trust/policy_compare.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "rules/trust/policy_cells.h"
#include "rules/trust/policy_terms.h"

namespace schoolgate::rules {
namespace {

// Conditions that one comparison takes into account: 2^10 combinations.
constexpr size_t kMaxConditions = 10;

bool IsNomination(const Condition& condition) {
  return condition.schedule.empty();
}

// Two nominations cannot run in every combination: the longer runs whenever
// the shorter does, and ones apart never run together.
bool Possible(const Situation& at) {
  for (const auto& [one, one_holds] : at.holds) {
    if (!IsNomination(one) || !one_holds) continue;
    for (const auto& [other, other_holds] : at.holds) {
      if (!IsNomination(other) || one == other) continue;
      const bool inside = other.from_unix_s <= one.from_unix_s &&
                          one.until_unix_s <= other.until_unix_s;
      const bool apart = other.until_unix_s <= one.from_unix_s ||
                         one.until_unix_s <= other.from_unix_s;
      if ((inside && !other_holds) || (apart && other_holds)) return false;
    }
  }
  return true;
}

// All situations that the conditions and users can make; none when there are
// more than can be gone through.
std::optional<std::vector<Situation>> Situations(
    const std::set<Condition>& conditions, std::set<std::string> users) {
  if (conditions.size() > kMaxConditions) return std::nullopt;
  users.insert("");
  std::vector<Situation> all;
  for (uint32_t bits = 0; bits < uint32_t{1} << conditions.size(); ++bits) {
    Situation at;
    uint32_t bit = 1;
    for (const Condition& condition : conditions) {
      at.holds[condition] = (bits & bit) != 0;
      bit <<= 1;
    }
    if (!Possible(at)) continue;
    for (const v1::Place place : {v1::PLACE_ONSITE, v1::PLACE_OFFSITE}) {
      at.place = place;
      for (const std::string& user : users) {
        at.user = user;
        all.push_back(at);
      }
    }
  }
  return all;
}

std::string Where(const Situation& at) {
  std::string words = at.place == v1::PLACE_OFFSITE ? " off site" : "";
  if (!at.user.empty()) absl::StrAppend(&words, " for ", at.user);
  return words;
}

bool HostLooser(const HostAnswer& before, const HostAnswer& after) {
  using Kind = HostAnswer::Kind;
  if (after.kind == Kind::kNone) {
    return before.kind != Kind::kNone && before.action != v1::ACTION_ALLOW;
  }
  if (after.action == v1::ACTION_BLOCK) return false;
  if (before.kind == Kind::kNone) return true;
  if (before.kind == Kind::kFloored && after.kind == Kind::kPlain) return true;
  return after.action < before.action;
}

// Zone offsets run to some year; a later table may only go on from there.
std::string MarkFor(const v1::PolicyCalendar& before,
                    const v1::PolicyCalendar& after) {
  bool same = before.time_zone() == after.time_zone() &&
              before.offsets_size() <= after.offsets_size();
  for (int i = 0; same && i < before.offsets_size(); ++i) {
    same = before.offsets(i).from_unix_s() == after.offsets(i).from_unix_s() &&
           before.offsets(i).offset_s() == after.offsets(i).offset_s();
  }
  return same ? "same" : "changed";
}

class CellComparison {
 public:
  CellComparison(const PolicyTables& before, const PolicyTables& after,
                 Differences* looser)
      : before_(before, "same"),
        after_(after,
               MarkFor(before.policy().calendar(), after.policy().calendar())),
        looser_(looser) {}

  void Run() {
    const v1::CompiledPolicy& policy = before_.tables().policy();
    const std::set<std::string> hosts = Hosts();
    for (const int group : before_.tables().Groups()) {
      const std::string& id = policy.groups(group).id();
      const int other = after_.tables().Group(id);
      if (other < 0 || after_.tables().policy().groups(other).id() != id) {
        continue;  // a lost group is reported with the groups
      }
      for (int i = 0; i < policy.categories_size(); ++i) {
        const int now = after_.tables().Category(policy.categories(i).id());
        if (now >= 0) CompareCell(group, i, other, now);
      }
      for (const std::string& host : hosts) CompareHost(group, other, host);
    }
  }

 private:
  std::set<std::string> Hosts() const {
    std::set<std::string> hosts;
    for (const auto* tables : {&before_.tables(), &after_.tables()}) {
      for (const v1::PolicyRule& rule : tables->policy().host_rules()) {
        hosts.insert(rule.hosts().begin(), rule.hosts().end());
      }
    }
    return hosts;
  }

  const std::string& GroupId(int group) const {
    return before_.tables().policy().groups(group).id();
  }

  void CompareCell(int group, int category, int group_now, int category_now) {
    if (before_.CellText(group, category) ==
        after_.CellText(group_now, category_now)) {
      return;
    }
    const std::string& id = before_.tables().policy().categories(category).id();
    std::set<Condition> conditions;
    std::set<std::string> users;
    before_.CellConditions(group, category, &conditions, &users);
    after_.CellConditions(group_now, category_now, &conditions, &users);
    const auto situations = Situations(conditions, users);
    if (!situations) {
      looser_->Add(
          absl::StrCat(GroupId(group), ", ", id, ": too intricate to compare"));
      return;
    }
    for (const Situation& at : *situations) {
      const v1::Action was = before_.Cell(group, category, at);
      const v1::Action is = after_.Cell(group_now, category_now, at);
      if (is < was || after_.Floor(group_now, category_now, at) <
                          before_.Floor(group, category, at)) {
        looser_->Add(absl::StrCat(GroupId(group), ", ", id, Where(at), ": ",
                                  ActionWord(was), " becomes ",
                                  ActionWord(is)));
        return;
      }
    }
  }

  void CompareHost(int group, int group_now, const std::string& host) {
    if (before_.HostText(group, host) == after_.HostText(group_now, host)) {
      return;
    }
    std::set<Condition> conditions;
    std::set<std::string> users;
    before_.HostConditions(group, host, &conditions, &users);
    after_.HostConditions(group_now, host, &conditions, &users);
    const auto situations = Situations(conditions, users);
    if (!situations) {
      looser_->Add(absl::StrCat(GroupId(group), ", ", host,
                                ": too intricate to compare"));
      return;
    }
    for (const Situation& at : *situations) {
      const HostAnswer was = before_.Host(group, host, at);
      const HostAnswer is = after_.Host(group_now, host, at);
      if (!HostLooser(was, is)) continue;
      looser_->Add(absl::StrCat(
          GroupId(group), ", ", host, Where(at), ": ",
          was.kind == HostAnswer::Kind::kNone ? "no rule of its own"
                                              : ActionWord(was.action),
          " becomes ",
          is.kind == HostAnswer::Kind::kNone ? "no rule of its own"
                                             : ActionWord(is.action)));
      return;
    }
  }

  const PolicyCells before_;
  const PolicyCells after_;
  Differences* const looser_;
};

}  // namespace

std::string Differences::Summary() const {
  std::string text;
  for (size_t i = 0; i < words_.size() && i < 3; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : "; ", words_[i]);
  }
  if (count_ > 3) absl::StrAppend(&text, "; and ", count_ - 3, " more");
  return text;
}

void ComparePolicies(const PolicyTables& before, const PolicyTables& after,
                     Loosenings* found) {
  if (before.policy().SerializeAsString() ==
      after.policy().SerializeAsString()) {
    return;
  }
  CompareTerms(before, after, found);
  CellComparison(before, after, &found->looser).Run();
}

}  // namespace schoolgate::rules
