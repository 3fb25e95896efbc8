// A copy of a collector while it runs, and a collector from a copy.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/cli/data_directory.h"

namespace schoolgate::collector {

struct BackupCount {
  uint64_t files = 0;
  uint64_t bytes = 0;
};

// Copies all but take-away/ into `target`, which must not exist or be empty.
// Each database as of one moment; the collector may go on writing. Leaves a
// note of the time in `from`.
absl::StatusOr<BackupCount> BackUp(const DataDirectory& from,
                                   const std::string& target, absl::Time now);

// Checks every database of a backup, then makes `to` from it. ALREADY_EXISTS
// when a collector is there.
absl::StatusOr<BackupCount> Restore(const std::string& backup,
                                    const DataDirectory& to);

}  // namespace schoolgate::collector
