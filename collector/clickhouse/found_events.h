// Events as ClickHouse shows them again, each with its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

struct FoundEvent {
  uint64_t block = 0;
  uint32_t place = 0;  // in the block
  StoredEvent event;
};

// To be followed by the table and an order by block and place (n), either way
// round.
inline constexpr char kFoundColumns[] =
    "SELECT block, n, happened, received, school, device, epoch, body FROM ";

// An answer to it in RowBinary. `rows` is how many lay there: a block that
// came twice lies twice until it is merged, and is found once. DATA_LOSS: an
// event that cannot be read.
absl::StatusOr<std::vector<FoundEvent>> EventsOf(const std::string& answer,
                                                 size_t* rows);

}  // namespace schoolgate::collector
