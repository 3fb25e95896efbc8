#include "collector/policy/school_policies.h"

#include <algorithm>
#include <utility>

namespace schoolgate::collector {

Policy SchoolPolicies::Of(const std::string& school) const {
  const std::lock_guard lock(mutex_);
  auto found = policies_.find(school);
  if (found == policies_.end()) found = policies_.find("");
  return found == policies_.end() ? nullptr : found->second;
}

void SchoolPolicies::Set(const std::string& school, Policy policy) {
  const std::lock_guard lock(mutex_);
  ++generation_;
  if (policy == nullptr) {
    policies_.erase(school);
  } else {
    policies_[school] = std::move(policy);
  }
}

uint64_t SchoolPolicies::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

Policy PolicyOf(const SchoolPolicies* policies, const std::string& school) {
  return policies == nullptr ? nullptr : policies->Of(school);
}

std::string GroupTitle(const v1::CompiledPolicy* policy,
                       const std::string& id) {
  if (policy == nullptr) return id;
  for (const v1::PolicyGroup& group : policy->groups()) {
    if (group.id() == id && !group.title().empty()) return group.title();
  }
  return id;
}

v1::Tier PolicyTier(const v1::CompiledPolicy& policy,
                    const std::string& category) {
  for (const v1::PolicyCategory& one : policy.categories()) {
    if (one.id() == category) return one.tier();
  }
  return v1::TIER_UNSPECIFIED;
}

std::vector<std::string> GroupAndParents(const v1::CompiledPolicy& policy,
                                         const std::string& group) {
  std::vector<std::string> line;
  const v1::PolicyGroup* at = nullptr;
  for (const v1::PolicyGroup& one : policy.groups()) {
    if (one.id() == group) at = &one;
  }
  if (at == nullptr) return {group};
  // A policy from elsewhere may go round in a circle.
  while (at != nullptr &&
         line.size() < static_cast<size_t>(policy.groups_size())) {
    line.push_back(at->id());
    at = at->parent() >= 0 && at->parent() < policy.groups_size()
             ? &policy.groups(at->parent())
             : nullptr;
  }
  return line;
}

}  // namespace schoolgate::collector
