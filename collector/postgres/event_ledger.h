// Which blocks of events count, when their bodies lie in a store without
// transactions: a block is reserved here, written there, and counts from the
// moment that it is committed here together with all that follows from it.
// Whatever a crash leaves there in between is never seen.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/postgres/event_streams.h"
#include "collector/postgres/postgres.h"

namespace schoolgate::collector {

// So many events that were written in one go, all received on one day (UTC).
struct EventBlock {
  // In the order in which blocks came to count, over all collectors. A block
  // that is seen later has a higher one.
  uint64_t position = 0;
  // What its events bear in the other store. Never given twice.
  uint64_t number = 0;
  int64_t day = 0;                        // since 1970
  int64_t first_hour = 0, last_hour = 0;  // since 1970, of receipt
  uint64_t events = 0;
};

// What of the other store may be read: blocks up to `highest` that are not
// among `open`. What is written later has a higher number.
struct BlocksInView {
  uint64_t highest = 0;
  std::vector<uint64_t> open;  // growing
};

// Thread-safe. Shared with other collectors' ledgers on the same database.
class EventLedger {
 public:
  // Blocks that were reserved and never committed are kept until their day
  // expires. No more than so many are.
  static constexpr int64_t kMostOpen = 20'000;

  explicit EventLedger(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::StatusOr<DeviceStreams> Read(std::span<const StoredEvent> events);

  // Numbers for blocks of these days. RESOURCE_EXHAUSTED: kMostOpen are open.
  absl::StatusOr<std::vector<uint64_t>> Reserve(std::span<const int64_t> days);

  // Gives up numbers under which nothing was written for certain.
  absl::Status Release(std::span<const uint64_t> numbers);

  // The blocks, which hold these events, count from now on, in their order,
  // with the devices' progress and the counts that come of them. ABORTED when
  // another collector has stored one of the events meanwhile: nothing has
  // changed, and the numbers are spoilt.
  absl::Status Commit(std::span<const EventBlock> blocks,
                      std::span<const StoredEvent> events);

  // For a database that was put back to an earlier moment than the other
  // store. The last day of which a block counts; nothing when none does.
  absl::StatusOr<std::optional<int64_t>> LastDay();
  // Which of these blocks neither count nor are reserved.
  absl::StatusOr<std::vector<uint64_t>> Unknown(
      std::span<const uint64_t> numbers);
  // Numbers up to this one are not given again.
  absl::Status PassOver(uint64_t number);
  // A block that is not known, with all of its events: as Reserve and Commit.
  // ABORTED: one of the events is stored already, and nothing has changed.
  absl::Status Adopt(const EventBlock& block,
                     std::span<const StoredEvent> events);
  // A block that is not known is as one that was reserved: it is not seen.
  absl::Status Hide(const EventBlock& block);

  absl::StatusOr<BlocksInView> InView(int64_t first_day);

  // The first blocks at `position` or later, in order, that together have
  // `events`; of the one at `position` the first `skip` do not count.
  absl::StatusOr<std::vector<EventBlock>> From(uint64_t position, uint64_t skip,
                                               uint64_t events);

  // The first position with events received in this hour or later; one more
  // than the last when there is none.
  absl::StatusOr<uint64_t> PositionAt(int64_t hour);

  // Days before `oldest` of which something is known.
  absl::StatusOr<std::vector<int64_t>> DaysBefore(int64_t oldest);
  // Forgets these days. Returns how many events counted.
  absl::StatusOr<uint64_t> Forget(int64_t oldest);

  absl::StatusOr<uint64_t> Durable(const std::string& device, uint64_t epoch) {
    return DurableIn(*database_, device, epoch);
  }
  absl::StatusOr<std::vector<HourCount>> Counts(const std::string& school,
                                                absl::Time from,
                                                absl::Time to) {
    return CountsIn(*database_, school, from, to);
  }

 private:
  const std::shared_ptr<Postgres> database_;
};

}  // namespace schoolgate::collector
