// Whatever in a policy is not a cell or a host rule: categories and groups as
// such, exempt hosts, mode, thresholds, roles and routes.
#pragma once

#include "rules/trust/policy_compare.h"

namespace schoolgate::rules {

void CompareTerms(const PolicyTables& before, const PolicyTables& after,
                  Loosenings* found);

}  // namespace schoolgate::rules
