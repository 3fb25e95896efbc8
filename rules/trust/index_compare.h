// What gets looser from one index of hosts to another.
#pragma once

#include "rules/bundle/listed_alone.h"
#include "rules/policy/tables.h"
#include "rules/trust/policy_compare.h"

namespace schoolgate::rules {

// A host loosens when it leaves a category that restricted somebody (unless
// another that blocks everybody takes it), enters one that is never recorded,
// or enters one that opens it to a group to which unlisted hosts are closed.
// Of a name that was or is listed alone, what is below is compared, too.
// A host that leaves the locked tier is `unlocked`. The policies' own
// differences are ComparePolicies' business. DATA_LOSS for an index with
// entries that are no host names.
absl::Status CompareIndexes(const PolicyTables& policy_before,
                            const ListedAlone& before,
                            const PolicyTables& policy_after,
                            const ListedAlone& after, Depth depth,
                            Loosenings* found);

}  // namespace schoolgate::rules
