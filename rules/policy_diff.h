// What a new policy makes looser and what tighter, for whom, in plain English.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {

struct PolicyChange {
  bool looser = false;
  std::string sentence;
};

// Asks both policies about every group, kind of host, listed host, nominated
// user and place, at every moment of the five weeks from `from` at which an
// answer changes. Looser changes come first.
std::vector<PolicyChange> ComparePolicies(const PolicyTables& before,
                                          const PolicyTables& after,
                                          absl::Time from);

}  // namespace schoolgate::rules
