#include "rules/list_diff.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rules/bundle/host_name.h"
#include "rules/bundle/listed_alone.h"
#include "rules/judge.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {
namespace {

constexpr size_t kMostExamples = 5;
// Stands in no rule of any policy.
constexpr char kAnyHost[] = "any.host.invalid";

// The number that each category of one bundle has in another; -1: none.
std::vector<int> NumbersIn(const CategoryIndex& other,
                           const CategoryIndex& index) {
  std::vector<int> numbers;
  for (const std::string& id : index.categories()) {
    numbers.push_back(other.CategoryNumber(id));
  }
  return numbers;
}

// What `with` lists and `without` does not, by category.
absl::StatusOr<std::map<std::string, ListChange>> OnlyIn(
    const Ruleset& with, const Ruleset& without) {
  const std::vector<int> number = NumbersIn(without.index(), with.index());
  const ListedAlone listed(without.index(), without.lists());
  std::map<std::string, ListChange> changes;
  auto status = with.index().ForEachEntry([&](const IndexEntry& entry) {
    const auto host = HostName::Parse(entry.name);
    if (!host.has_value()) return;
    const CategorySet there = listed.Categories(*host);
    entry.set.ForEach([&](int category) {
      if (number[category] >= 0 && there.Has(number[category])) return;
      const std::string& id = with.index().categories()[category];
      ListChange& change = changes[id];
      change.category = id;
      ++change.hosts;
      if (change.examples.size() < kMostExamples && !IsAlwaysLocked(id)) {
        change.examples.emplace_back(entry.name);
      }
    });
  });
  if (!status.ok()) return status;
  return changes;
}

Action ActionFor(const Ruleset& rules, const std::string& group,
                 std::vector<std::string> categories, absl::Time at) {
  Question question;
  question.host = kAnyHost;
  question.group = group;
  question.at = at;
  return Judge(rules.tables(), v1::Overlays(), kAnyHost, std::move(categories),
               question)
      .action;
}

void FindForWhom(const Ruleset& before, const Ruleset& after, absl::Time at,
                 ListChange* change) {
  const auto& groups = after.policy().groups();
  const std::vector<std::string> listed = {change->category};
  for (const v1::PolicyGroup& group : groups) {
    const Action was =
        ActionFor(before, group.id(),
                  change->added ? std::vector<std::string>() : listed, at);
    const Action will =
        ActionFor(after, group.id(),
                  change->added ? listed : std::vector<std::string>(), at);
    auto& whom = will < was   ? change->looser_for
                 : will > was ? change->tighter_for
                              : change->same_for;
    whom.push_back(group.title());
  }
}

// "everybody but guests", where that says it in fewer words.
std::string Whom(const std::vector<std::string>& groups,
                 const std::vector<std::string>& some,
                 const std::vector<std::string>& more) {
  std::vector<std::string> others = some;
  others.insert(others.end(), more.begin(), more.end());
  if (others.size() >= groups.size()) return absl::StrJoin(groups, ", ");
  return others.empty() ? "everybody"
                        : "everybody but " + absl::StrJoin(others, ", ");
}

}  // namespace

absl::StatusOr<std::vector<ListChange>> CompareLists(const Ruleset& before,
                                                     const Ruleset& after,
                                                     absl::Time at) {
  auto added = OnlyIn(after, before);
  if (!added.ok()) return added.status();
  auto removed = OnlyIn(before, after);
  if (!removed.ok()) return removed.status();
  std::vector<ListChange> changes;
  for (auto& [category, change] : *added) {
    change.added = true;
    changes.push_back(std::move(change));
  }
  for (auto& [category, change] : *removed) {
    changes.push_back(std::move(change));
  }
  for (ListChange& change : changes) FindForWhom(before, after, at, &change);
  return changes;
}

std::string SentenceOf(const ListChange& change) {
  std::string text = absl::StrCat("List ", change.category, ": ", change.hosts,
                                  change.hosts == 1 ? " host " : " hosts ",
                                  change.added ? "added" : "removed", " (");
  if (change.examples.empty()) {
    text += "sealed";
  } else {
    absl::StrAppend(&text, absl::StrJoin(change.examples, ", "),
                    change.hosts > change.examples.size() ? ", ..." : "");
  }
  std::vector<std::string> effects;
  if (!change.looser_for.empty()) {
    effects.push_back("looser for " + Whom(change.looser_for, change.same_for,
                                           change.tighter_for));
  }
  if (!change.tighter_for.empty()) {
    effects.push_back("tighter for " + Whom(change.tighter_for, change.same_for,
                                            change.looser_for));
  }
  absl::StrAppend(
      &text, "): ",
      effects.empty() ? "the same for everybody" : absl::StrJoin(effects, "; "),
      ".");
  return text;
}

}  // namespace schoolgate::rules
