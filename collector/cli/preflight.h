// What must be right before a collector starts, and how to say what is not.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "collector/cli/data_directory.h"
#include "collector/fleet/authority.h"

namespace schoolgate::collector {

// FAILED_PRECONDITION for a clock before the authority was made, or after it
// ended.
absl::Status CheckClock(const Authority& authority, absl::Time now);

// Renews our own server certificates when less than 30 days are left. A
// certificate of the school's own that has ended is FAILED_PRECONDITION.
absl::Status CheckCertificates(const DataDirectory& directory,
                               const CollectorConfig& config,
                               const Authority& authority, absl::Time now);

// Makes our own server certificates anew, signed by `authority`.
absl::Status MakeServerCertificates(const DataDirectory& directory,
                                    const CollectorConfig& config,
                                    const Authority& authority, absl::Time now);

// Whether a collector serves this directory now.
bool IsServing(const DataDirectory& directory);

// DATA_LOSS when SQLite finds damage; OK when the file is not there yet.
absl::Status CheckDatabase(const std::string& file);

// Whether `now` follows from the last time this said yes: the clock neither
// went back by a day nor forward by 60 days. Remembers the time.
bool ClockIsPlausible(const DataDirectory& directory, absl::Time now);

}  // namespace schoolgate::collector
