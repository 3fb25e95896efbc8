// A compiled policy laid out for look-up: which rules speak about a group and
// a category, and which about a host.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "proto/policy.pb.h"
#include "rules/policy/calendar.h"
#include "rules/policy/page_knowledge.h"

namespace schoolgate::rules {

// Most categories and schedules that one policy may have: both fit a word.
inline constexpr int kMaxCategories = 64;
inline constexpr int kMaxSchedules = 64;
inline constexpr int kMaxGroups = 64;

using CategoryBits = uint64_t;  // bit i: policy().categories(i)

// Whether a category is illegal whatever a policy or bundle says about it.
bool IsAlwaysLocked(std::string_view category);

// Immutable and thread-safe.
class PolicyTables {
 public:
  // Takes the policy over and checks every index in it: a bundle is believed
  // only as far as it was checked. INVALID_ARGUMENT says what is wrong.
  static absl::StatusOr<std::shared_ptr<const PolicyTables>> Make(
      v1::CompiledPolicy policy);

  const v1::CompiledPolicy& policy() const { return policy_; }
  const Calendar& calendar() const { return calendar_; }
  const PageKnowledge& pages() const { return pages_; }

  // Index of a category, -1 when the policy does not know it.
  int Category(std::string_view id) const;

  // Index of a group. Unknown names get the group that takes the strictest
  // answer of all.
  int Group(std::string_view id) const;

  // Whether `group` is `other` or one of its kind: ks1 is a pupils group.
  bool GroupIs(int group, int other) const;

  CategoryBits locked() const { return locked_; }
  CategoryBits never_log() const { return never_log_; }
  CategoryBits nameless() const { return nameless_; }
  CategoryBits passable() const { return passable_; }
  CategoryBits log_offsite() const { return log_offsite_; }

  // Removes what other categories of the set displace.
  CategoryBits Reduce(CategoryBits categories) const;

  // Rows of the matrix that decide for a group and category, as the group
  // itself or its nearest parent is named: floors and school rows.
  const std::vector<int>& Rows(int group, int category) const {
    return rows_[group * kMaxCategories + category];
  }

  // Rules about exactly this normalised name (not its parents); null: none.
  const std::vector<int>* HostRules(std::string_view host) const;

  // Whether the host or a suffix of it is on the policy's never-log list.
  bool NeverLogHost(std::string_view host) const;

  // Indexes of the restricted answers for exactly this name.
  std::span<const int> RestrictedAnswers(std::string_view host) const;

  // Groups that the strictest group compares, itself excluded.
  const std::vector<int>& Groups() const { return real_groups_; }

 private:
  explicit PolicyTables(v1::CompiledPolicy policy);
  absl::Status Check() const;
  absl::Status CheckRule(const v1::PolicyRule& rule) const;
  void Lay();
  void LayRows(int group, int category);

  v1::CompiledPolicy policy_;
  Calendar calendar_;
  PageKnowledge pages_;
  absl::flat_hash_map<std::string, int> categories_;
  absl::flat_hash_map<std::string, int> groups_;
  absl::flat_hash_map<std::string, std::vector<int>> hosts_;
  absl::flat_hash_map<std::string, bool> never_log_hosts_;
  absl::flat_hash_map<std::string, std::vector<int>> restricted_;
  std::vector<std::vector<int>> rows_;
  std::vector<int> real_groups_;
  std::vector<CategoryBits> displaces_;
  int strictest_group_ = -1;
  CategoryBits locked_ = 0;
  CategoryBits never_log_ = 0;
  CategoryBits nameless_ = 0;
  CategoryBits passable_ = 0;
  CategoryBits log_offsite_ = 0;
};

}  // namespace schoolgate::rules
