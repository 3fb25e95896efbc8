// Erasing, within days that stay, what its school's time is over for.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/postgres/postgres.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// Sweeps the first day in which there is something to erase. Returns the
// events erased; 0: there is no more to do. A day is not looked at again until
// somebody's time is over that was not before. The newest day stays whole.
absl::StatusOr<uint64_t> SweepOneDay(Postgres& database, absl::Time now,
                                     const EventKeep& keep);

}  // namespace schoolgate::collector
