// feeds.yaml: where alerts are sent. docs/feeds.md lists its keys.
#pragma once

#include "absl/status/statusor.h"
#include "collector/cli/data_directory.h"
#include "collector/feed/outgoing.h"

namespace schoolgate::collector {

// An empty configuration when there is no such file. INVALID_ARGUMENT names
// file, line and what is expected. `zone`: of the schools.
absl::StatusOr<OutgoingConfig> LoadFeeds(const DataDirectory& directory,
                                         absl::TimeZone zone);

}  // namespace schoolgate::collector
