// From one bundle to the next without sending it all.
// docs/bundle-format.md, section 5.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace schoolgate::rules {

struct DeltaReport {
  uint64_t removed = 0;
  uint64_t added = 0;  // an entry whose categories change is in both
  uint64_t delta_bytes = 0;
  uint64_t bundle_bytes = 0;  // of the new bundle
};

// FAILED_PRECONDITION when the new bundle was not built with the old one as
// its base: then only the whole file helps.
absl::StatusOr<DeltaReport> WriteDelta(const std::string& old_path,
                                       const std::string& new_path,
                                       const std::string& delta_path);

// Writes the very bytes of the new bundle, reading the old one as a stream.
// The old bundle and `delta_path` stay; `out_path` is touched only when every
// hash agrees, so a broken attempt is simply made again. FAILED_PRECONDITION:
// the delta belongs to another bundle. DATA_LOSS: a file is damaged. Whether
// the result's signatures are good is rules/trust's question.
absl::StatusOr<DeltaReport> ApplyDelta(const std::string& old_path,
                                       const std::string& delta_path,
                                       const std::string& out_path);

}  // namespace schoolgate::rules
