// What PostgreSQL knows about events wherever their bodies lie: how far each
// device's epochs are stored, and the hourly counts. The functions that take a
// connection belong into a transaction of their caller.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/postgres/postgres.h"
#include "collector/store/event_store.h"
#include "collector/store/stream_progress.h"

namespace schoolgate::collector {

using StreamKey = std::pair<std::string, uint64_t>;  // device, epoch
using DeviceStreams = std::map<StreamKey, StreamProgress>;

// Days since 1970, UTC.
int64_t DayOf(absl::Time time);

// Names of tables hold no minus: days before 1970 count from here.
inline constexpr int64_t kFirstDay = 1'000'000;

// A uint64_t as bigint holds it.
inline int64_t Signed(uint64_t number) { return static_cast<int64_t>(number); }

// Waits until no other append, of any collector, is under way; held until the
// transaction ends.
absl::Status LockAppends(Connection& connection);

// Those that are known of the events' devices.
absl::StatusOr<DeviceStreams> ReadStreams(Connection& connection,
                                          std::span<const StoredEvent> events);
absl::Status WriteStreams(Connection& connection, const DeviceStreams& streams);

// Adds the events to the counts of their hours.
absl::Status AddCounts(Connection& connection,
                       std::span<const StoredEvent> events);
// Forgets the hours before a day.
absl::Status DropCounts(Connection& connection, int64_t oldest_day);

absl::StatusOr<uint64_t> DurableIn(Postgres& database,
                                   const std::string& device, uint64_t epoch);
absl::StatusOr<std::vector<HourCount>> CountsIn(Postgres& database,
                                                const std::string& school,
                                                absl::Time from, absl::Time to);

}  // namespace schoolgate::collector
