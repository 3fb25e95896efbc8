// Whether one bundle may follow another on a device.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "rules/trust/bundle_check.h"

namespace schoolgate::rules {

// Versions a device has seen. Zero and empty before the first bundle, and
// again after a root with a higher version epoch.
struct VersionFloor {
  uint64_t version = 0;
  std::string manifest_hash;
};

// kRollback, kEquivocation (the floor's version with another manifest) or
// kVersionJump.
absl::Status CheckVersion(const VersionFloor& floor, const BundleFile& next,
                          uint64_t version_jump);

// Whether `next` has the signatures that its differences from `current` need:
// kLoosenedByOne or kLockedRemoved, naming the first few differences. Both
// files' sections must have been checked. DATA_LOSS when `current` cannot be
// read.
absl::Status CheckConsent(const BundleFile& current, const CheckedBundle& next);

// A device without rules takes only what provider and school signed together.
absl::Status CheckFirst(const CheckedBundle& next);

}  // namespace schoolgate::rules
