// What the school's own policy says about an alert, for the page of it: as
// information, never as a verdict.
#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "collector/cases/routes.h"
#include "collector/cases/sanctions.h"

namespace schoolgate::collector {

// {"title", "group", "clause": {"id", "quote", "says"}, "row": {"id",
// "incident", "steps", "needs_reason", "cautions"}, "told": [...],
// "within_minutes", "continued": {"since", "alert", "warnings",
// "confirmed_since", "row"}}; parts that the policy does not have are left out.
// `since` is the last of so many `warnings`; `confirmed_since` counts incidents
// after the first of them that people confirmed. Null where the school has
// published no policy. `earlier`: the subject's other alerts, as far as the
// reader may see them.
nlohmann::json PolicySays(const v1::Alert& alert, const Readers& readers,
                          std::span<const v1::Alert> earlier);

// The clause that the decision cited; else that of the rule for the category.
// Null where the policy has none.
const v1::PolicyClause* ClauseOf(const v1::CompiledPolicy& policy,
                                 const v1::Alert& alert);

}  // namespace schoolgate::collector
