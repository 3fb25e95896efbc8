// Whether devices would take a release, judged by what was offered to them
// before: what all of them would refuse is better said to whoever publishes it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "collector/fleet/bundle_shelf.h"
#include "rules/trust/bundle_check.h"
#include "rules/trust/trust_root.h"

namespace schoolgate::collector {

// `next` is verified. Compares with the newest bundle that devices of `school`
// (empty: all) were offered; FAILED_PRECONDITION says what they would refuse
// and what to do. A version that is not above it is BundleShelf's to refuse.
absl::Status CheckRelease(const BundleShelf& shelf, const std::string& school,
                          const rules::CheckedBundle& next,
                          const rules::TrustRoot& root, absl::Time now);

// The same refusal, with the file that it is about and what to do about it.
absl::Status Advised(const absl::Status& refusal, const std::string& file);

}  // namespace schoolgate::collector
