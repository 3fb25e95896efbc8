// Questions with known answers, put to an index before it is enforced.
#pragma once

#include "absl/status/status.h"
#include "proto/bundle.pb.h"
#include "rules/bundle/category_index.h"

namespace schoolgate::rules {

// Must be listed: of a bundle that has test hosts (every built one has, see
// rules/import/known_categories.h), each category's own, in that category
// alone. Must not be listed: what would take in half the internet, unless
// `lists` names it as an exception, and a test host of no category.
// FAILED_PRECONDITION names the first host whose answer is wrong.
absl::Status AskKnown(const CategoryIndex& index, const v1::BundleLists& lists);

}  // namespace schoolgate::rules
