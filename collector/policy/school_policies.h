// The policies that schools have published, as far as the collector obeys
// them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proto/policy.pb.h"

namespace schoolgate::collector {

using Policy = std::shared_ptr<const v1::CompiledPolicy>;

// Thread-safe.
class SchoolPolicies {
 public:
  // Its own, else what was published for all schools, else null: the
  // collector's own rules hold.
  Policy Of(const std::string& school) const;

  // `school` empty: for all that have none of their own. Null takes it away.
  void Set(const std::string& school, Policy policy);

  // Grows with every Set.
  uint64_t generation() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Policy> policies_;
  uint64_t generation_ = 0;
};

// Null where there are none.
Policy PolicyOf(const SchoolPolicies* policies, const std::string& school);

// The policy's own name for a group, "Key Stage 2 pupils"; the id where it
// has none. `policy` may be null.
std::string GroupTitle(const v1::CompiledPolicy* policy, const std::string& id);

// Of the category, as the policy has it; TIER_UNSPECIFIED: it does not know
// the category.
v1::Tier PolicyTier(const v1::CompiledPolicy& policy,
                    const std::string& category);

// The group itself, then what it is like: "ks2", "pupils".
std::vector<std::string> GroupAndParents(const v1::CompiledPolicy& policy,
                                         const std::string& group);

}  // namespace schoolgate::collector
