// What the policy says about a host whose categories are known: the order of
// decisions, without any index or file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/policy.pb.h"
#include "rules/decide.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {

// `host` is normalised as HostName does it. `categories` may hold ids that the
// policy does not know; of those only the locked ones count. `until` is the
// first moment at which action or rule change, looked for over two years.
Decision Judge(const PolicyTables& tables, const v1::Overlays& overlays,
               std::string_view host, std::vector<std::string> categories,
               const Question& question);

}  // namespace schoolgate::rules
