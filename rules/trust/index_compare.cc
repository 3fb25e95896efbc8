#include "rules/trust/index_compare.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rules/trust/policy_cells.h"

namespace schoolgate::rules {
namespace {

// What may be weak about a category's hosts, over all groups and situations.
struct Reach {
  CategoryBits restricts = 0;  // somebody is not simply allowed
  CategoryBits blocks = 0;     // everybody is blocked, always
  CategoryBits opens = 0;      // somebody gets more than an unlisted host
};

Reach ReachOf(const PolicyTables& tables) {
  const v1::CompiledPolicy& policy = tables.policy();
  Reach reach;
  for (int i = 0; i < policy.categories_size(); ++i) {
    const CategoryBits bit = CategoryBits{1} << i;
    v1::Action least = v1::ACTION_BLOCK;
    v1::Action most = v1::ACTION_ALLOW;
    for (const int group : tables.Groups()) {
      // The weakest and the strongest that any row says at any time.
      v1::Action weakest = v1::ACTION_BLOCK;
      v1::Action strongest = v1::ACTION_ALLOW;
      const v1::Action otherwise =
          Effective(policy.groups(group).default_action());
      for (const int row : tables.Rows(group, i)) {
        const v1::PolicyRule& rule = policy.matrix(row);
        weakest = std::min(weakest, Effective(rule.action()));
        strongest = std::max(strongest, Effective(rule.action()));
        for (const auto& exception : rule.exceptions()) {
          weakest = std::min(weakest, Effective(exception.action()));
          strongest = std::max(strongest, Effective(exception.action()));
        }
      }
      if (tables.Rows(group, i).empty()) weakest = strongest = otherwise;
      if (weakest < otherwise) reach.opens |= bit;
      least = std::min(least, weakest);
      most = std::max({most, strongest, otherwise});
    }
    if (most > v1::ACTION_ALLOW) reach.restricts |= bit;
    if (least == v1::ACTION_BLOCK) reach.blocks |= bit;
  }
  return reach;
}

// One policy's view of one index: its categories as the policy's bits.
class Side {
 public:
  Side(const PolicyTables& tables, const ListedAlone& listed)
      : tables_(tables), listed_(listed), reach_(ReachOf(tables)) {
    for (const std::string& id : index().categories()) {
      const int category = tables.Category(id);
      bits_.push_back(category < 0 ? 0 : CategoryBits{1} << category);
      always_locked_.push_back(IsAlwaysLocked(id));
    }
  }

  const PolicyTables& tables() const { return tables_; }
  const CategoryIndex& index() const { return listed_.index(); }
  const ListedAlone& listed() const { return listed_; }
  const Reach& reach() const { return reach_; }

  CategoryBits Bits(const CategorySet& set) const {
    CategoryBits bits = 0;
    set.ForEach([&](int category) { bits |= bits_[category]; });
    return tables_.Reduce(bits);
  }
  bool Locked(const CategorySet& set) const {
    bool locked = false;
    set.ForEach([&](int category) {
      locked = locked || always_locked_[category] ||
               (bits_[category] & tables_.locked()) != 0;
    });
    return locked;
  }

 private:
  const PolicyTables& tables_;
  const ListedAlone& listed_;
  const Reach reach_;
  std::vector<CategoryBits> bits_;
  std::vector<bool> always_locked_;
};

enum class Verdict { kFine, kLooser, kUnlocked };

class IndexComparison {
 public:
  IndexComparison(const Side& before, const Side& after, Loosenings* found)
      : before_(before), after_(after), found_(found) {}

  // Between two listed names nothing changes: it is enough to ask about the
  // names that stand in either index.
  absl::Status Run(Depth depth) {
    absl::Status status =
        Walk(before_.index(), [&](const HostName& host, const IndexEntry& own) {
          if (depth == Depth::kAll || before_.Locked(own.set)) Judge(host);
        });
    JudgeBelow(depth);
    if (!status.ok() || depth == Depth::kLockedOnly) return status;
    return Walk(after_.index(), [&](const HostName& host, const IndexEntry&) {
      if (VerdictOn(host) != Verdict::kFine && !ListedBefore(host)) Judge(host);
    });
  }

 private:
  template <typename Visit>
  static absl::Status Walk(const CategoryIndex& index, Visit visit) {
    bool sound = true;
    const absl::Status status =
        index.ForEachEntry([&](const IndexEntry& entry) {
          const auto host = HostName::Parse(entry.name);
          sound = sound && host && host->text() == entry.name;
          if (sound) visit(*host, entry);
        });
    if (!status.ok() || sound) return status;
    return absl::DataLossError(
        "index: holds an entry that is no host name: build it again");
  }

  // Such a host was judged on the first walk.
  bool ListedBefore(const HostName& host) const {
    return !before_.index().Exact(host.text()).empty();
  }

  Verdict VerdictOn(const HostName& host) {
    const auto key = std::make_pair(before_.listed().Categories(host),
                                    after_.listed().Categories(host));
    auto known = verdicts_.find(key);
    if (known == verdicts_.end()) {
      known = verdicts_.emplace(key, Compare(key.first, key.second)).first;
    }
    return known->second;
  }

  void Judge(const HostName& host) { Judge(host, std::string(host.text())); }

  void Judge(const HostName& host, std::string words) {
    const Verdict verdict = VerdictOn(host);
    if (verdict == Verdict::kFine) return;
    Differences& list =
        verdict == Verdict::kUnlocked ? found_->unlocked : found_->looser;
    list.Add(std::move(words));
  }

  // No entry stands for what is below a name that was or is listed alone.
  void JudgeBelow(Depth depth) {
    std::set<std::string> names;
    for (const Side* side : {&before_, &after_}) {
      for (std::string& name : side->listed().Names()) {
        names.insert(std::move(name));
      }
    }
    for (const std::string& name : names) {
      const auto below = UnlistedBelow(name);
      if (!below || (depth == Depth::kLockedOnly &&
                     VerdictOn(*below) != Verdict::kUnlocked)) {
        continue;
      }
      Judge(*below, "what is below " + name);
    }
  }

  // A name that neither index lists itself: a listed one would speak for
  // itself, not for the others.
  std::optional<HostName> UnlistedBelow(const std::string& name) const {
    for (uint64_t i = 0;; ++i) {
      const auto below = HostName::Parse(absl::StrCat("any-", i, ".", name));
      if (!below || (before_.index().Exact(below->text()).empty() &&
                     after_.index().Exact(below->text()).empty())) {
        return below;
      }
    }
  }

  Verdict Compare(const CategorySet& was_set, const CategorySet& is_set) const {
    if (after_.Locked(is_set)) return Verdict::kFine;
    if (before_.Locked(was_set)) return Verdict::kUnlocked;
    const CategoryBits was = before_.Bits(was_set);
    const CategoryBits is = after_.Bits(is_set);
    if ((is & after_.tables().never_log()) != 0) {
      return (was & before_.tables().never_log()) != 0 ? Verdict::kFine
                                                       : Verdict::kLooser;
    }
    if ((was & before_.tables().never_log()) != 0) {
      return Verdict::kLooser;  // help-seekers would be recorded
    }
    if ((is & after_.reach().blocks) != 0) return Verdict::kFine;
    if (Lost(was, is)) return Verdict::kLooser;
    // Unlisted hosts are closed to some groups: being listed may open one.
    const bool opens = is != 0 && (is & ~after_.reach().opens) == 0;
    return opens && (was == 0) ? Verdict::kLooser : Verdict::kFine;
  }

  // Whether a category that restricts is in `was` and not in `is`.
  bool Lost(CategoryBits was, CategoryBits is) const {
    const auto& policy = before_.tables().policy();
    for (int i = 0; i < policy.categories_size(); ++i) {
      const CategoryBits bit = CategoryBits{1} << i;
      if ((was & before_.reach().restricts & bit) == 0) continue;
      const int now = after_.tables().Category(policy.categories(i).id());
      if (now < 0 || (is >> now & 1) == 0) return true;
    }
    return false;
  }

  const Side& before_;
  const Side& after_;
  Loosenings* const found_;
  std::map<std::pair<CategorySet, CategorySet>, Verdict> verdicts_;
};

}  // namespace

absl::Status CompareIndexes(const PolicyTables& policy_before,
                            const ListedAlone& before,
                            const PolicyTables& policy_after,
                            const ListedAlone& after, Depth depth,
                            Loosenings* found) {
  const Side old_side(policy_before, before);
  const Side new_side(policy_after, after);
  return IndexComparison(old_side, new_side, found).Run(depth);
}

}  // namespace schoolgate::rules
