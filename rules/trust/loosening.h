// What gets looser from one bundle to another. Whatever cannot be shown to be
// a tightening, or to be without effect, counts as loosening: the cost of a
// doubt is a second signature.
#pragma once

#include "absl/status/statusor.h"
#include "rules/bundle/bundle_file.h"
#include "rules/trust/policy_compare.h"

namespace schoolgate::rules {

// Opens policy and index as a device would, and asks the index what is known
// (known_answers.h). kBadContent.
absl::Status CheckReadable(const BundleFile& file);

// kBadContent (as a refusal) when `after` cannot be read, DATA_LOSS when
// `before` cannot. Time grows with the number of listed hosts.
absl::StatusOr<Loosenings> CompareBundles(const BundleFile& before,
                                          const BundleFile& after, Depth depth);

}  // namespace schoolgate::rules
