#include "rules/policy/tables.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rules/policy/restrictions.h"

namespace schoolgate::rules {
namespace {

constexpr std::string_view kAlwaysLocked[] = {"child-abuse", "terrorism",
                                              "illegal-adult", "criminal-hate"};

absl::Status Bad(const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("policy: ", what, ": build the bundle again"));
}

bool Names(const v1::PolicyRule& rule, int group) {
  for (const uint32_t named : rule.groups()) {
    if (static_cast<int>(named) == group) return true;
  }
  return false;
}

}  // namespace

bool IsAlwaysLocked(std::string_view category) {
  return std::find(std::begin(kAlwaysLocked), std::end(kAlwaysLocked),
                   category) != std::end(kAlwaysLocked);
}

PolicyTables::PolicyTables(v1::CompiledPolicy policy)
    : policy_(std::move(policy)),
      calendar_(policy_.calendar(), policy_.schedules()),
      pages_(policy_.page_knowledge()) {}

absl::StatusOr<std::shared_ptr<const PolicyTables>> PolicyTables::Make(
    v1::CompiledPolicy policy) {
  std::shared_ptr<PolicyTables> tables(new PolicyTables(std::move(policy)));
  if (absl::Status status = tables->Check(); !status.ok()) return status;
  tables->Lay();
  return tables;
}

absl::Status PolicyTables::Check() const {
  if (policy_.categories_size() > kMaxCategories) {
    return Bad("too many categories");
  }
  if (policy_.groups_size() == 0 || policy_.groups_size() > kMaxGroups) {
    return Bad("no groups, or too many");
  }
  if (policy_.schedules_size() > kMaxSchedules) {
    return Bad("too many schedules");
  }
  for (int i = 0; i < policy_.groups_size(); ++i) {
    const v1::PolicyGroup& group = policy_.groups(i);
    // Parents come first, so that no chain can be a circle.
    if (group.parent() < -1 || group.parent() >= i) {
      return Bad("a group's parent is not above it");
    }
    if (group.default_clause() >= policy_.clauses_size()) {
      return Bad("a clause is out of range");
    }
  }
  for (const v1::PolicyCategory& category : policy_.categories()) {
    for (const uint32_t other : category.displaces()) {
      if (other >= static_cast<uint32_t>(policy_.categories_size())) {
        return Bad("a displaced category is out of range");
      }
    }
  }
  for (const v1::RestrictedAnswer& answer : policy_.restricted_answers()) {
    for (const uint32_t group : answer.groups()) {
      if (group >= static_cast<uint32_t>(policy_.groups_size())) {
        return Bad("a restricted answer's group is out of range");
      }
    }
  }
  if (policy_.restrictions_size() > static_cast<int>(kMaxRestrictions)) {
    return Bad("there are too many restrictions");
  }
  for (const v1::Restriction& restriction : policy_.restrictions()) {
    const auto groups = static_cast<uint32_t>(policy_.groups_size());
    if (restriction.to() >= groups || restriction.group_plus_1() > groups) {
      return Bad("a restriction's group is out of range");
    }
  }
  for (const auto* rules : {&policy_.host_rules(), &policy_.matrix()}) {
    for (const v1::PolicyRule& rule : *rules) {
      if (absl::Status status = CheckRule(rule); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status PolicyTables::CheckRule(const v1::PolicyRule& rule) const {
  const auto groups = static_cast<uint32_t>(policy_.groups_size());
  for (const uint32_t group : rule.groups()) {
    if (group >= groups) return Bad("a rule's group is out of range");
  }
  for (const uint32_t category : rule.categories()) {
    if (category >= static_cast<uint32_t>(policy_.categories_size())) {
      return Bad("a rule's category is out of range");
    }
  }
  if (rule.clause() >= policy_.clauses_size()) {
    return Bad("a rule's clause is out of range");
  }
  for (const v1::PolicyException& exception : rule.exceptions()) {
    if (exception.schedule_plus_1() >
            static_cast<uint32_t>(policy_.schedules_size()) ||
        exception.clause() >= policy_.clauses_size()) {
      return Bad("an exception is out of range");
    }
    for (const uint32_t group : exception.groups()) {
      if (group >= groups) return Bad("an exception's group is out of range");
    }
  }
  return absl::OkStatus();
}

void PolicyTables::Lay() {
  displaces_.resize(policy_.categories_size());
  for (int i = 0; i < policy_.categories_size(); ++i) {
    const v1::PolicyCategory& category = policy_.categories(i);
    const CategoryBits bit = CategoryBits{1} << i;
    categories_[category.id()] = i;
    const bool locked = category.locked() || IsAlwaysLocked(category.id());
    if (locked) locked_ |= bit;
    if (category.never_log()) never_log_ |= bit;
    if (category.nameless()) nameless_ |= bit;
    if (category.passable() && !locked) passable_ |= bit;
    if (category.log_offsite() || locked) log_offsite_ |= bit;
    for (const uint32_t other : category.displaces()) {
      displaces_[i] |= CategoryBits{1} << other;
    }
  }
  for (int i = 0; i < policy_.groups_size(); ++i) {
    groups_[policy_.groups(i).id()] = i;
    if (policy_.groups(i).strictest()) {
      strictest_group_ = i;
    } else if (policy_.groups(i).id() != kEndedGroup) {
      real_groups_.push_back(i);  // an ended guest is nobody's group
    }
  }
  for (int i = 0; i < policy_.host_rules_size(); ++i) {
    for (const std::string& host : policy_.host_rules(i).hosts()) {
      hosts_[host].push_back(i);
    }
  }
  for (const std::string& host : policy_.never_log_hosts()) {
    never_log_hosts_[host] = true;
  }
  for (int i = 0; i < policy_.restricted_answers_size(); ++i) {
    restricted_[policy_.restricted_answers(i).host()].push_back(i);
  }
  rows_.resize(static_cast<size_t>(policy_.groups_size()) * kMaxCategories);
  for (int group = 0; group < policy_.groups_size(); ++group) {
    for (int i = 0; i < policy_.categories_size(); ++i) LayRows(group, i);
  }
}

// A school's row stands in for the baseline's default; a trust's row stands
// beside both.
void PolicyTables::LayRows(int group, int category) {
  std::vector<int>& rows = rows_[group * kMaxCategories + category];
  const auto gather = [&](v1::RuleOrigin origin) {
    for (int named = group; named >= 0;
         named = policy_.groups(named).parent()) {
      bool found = false;
      for (int i = 0; i < policy_.matrix_size(); ++i) {
        const v1::PolicyRule& rule = policy_.matrix(i);
        if (rule.origin() != origin || !Names(rule, named)) continue;
        for (const uint32_t other : rule.categories()) {
          if (static_cast<int>(other) != category) continue;
          rows.push_back(i);
          found = true;
        }
      }
      if (found) return true;
    }
    return false;
  };
  if (!gather(v1::RULE_ORIGIN_SCHOOL)) gather(v1::RULE_ORIGIN_DEFAULT);
  gather(v1::RULE_ORIGIN_TRUST);
}

int PolicyTables::Category(std::string_view id) const {
  const auto found = categories_.find(absl::string_view(id.data(), id.size()));
  return found == categories_.end() ? -1 : found->second;
}

int PolicyTables::Group(std::string_view id) const {
  const auto found = groups_.find(absl::string_view(id.data(), id.size()));
  return found == groups_.end() ? strictest_group_ : found->second;
}

bool PolicyTables::GroupIs(int group, int other) const {
  for (; group >= 0; group = policy_.groups(group).parent()) {
    if (group == other) return true;
  }
  return false;
}

CategoryBits PolicyTables::Reduce(CategoryBits categories) const {
  CategoryBits gone = 0;
  for (size_t i = 0; i < displaces_.size(); ++i) {
    if ((categories >> i & 1) != 0) gone |= displaces_[i];
  }
  // What is illegal is never displaced.
  return categories & ~(gone & ~locked_);
}

const std::vector<int>* PolicyTables::HostRules(std::string_view host) const {
  const auto found = hosts_.find(absl::string_view(host.data(), host.size()));
  return found == hosts_.end() ? nullptr : &found->second;
}

std::span<const int> PolicyTables::RestrictedAnswers(
    std::string_view host) const {
  const auto found =
      restricted_.find(absl::string_view(host.data(), host.size()));
  if (found == restricted_.end()) return {};
  return found->second;
}

bool PolicyTables::NeverLogHost(std::string_view host) const {
  if (never_log_hosts_.empty()) return false;
  while (true) {
    if (never_log_hosts_.contains(
            absl::string_view(host.data(), host.size()))) {
      return true;
    }
    const size_t dot = host.find('.');
    if (dot == std::string_view::npos) return false;
    host.remove_prefix(dot + 1);
  }
}

}  // namespace schoolgate::rules
