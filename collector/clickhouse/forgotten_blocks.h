// What PostgreSQL has forgotten of ClickHouse's blocks, because it was put back
// to an earlier moment, is made to count again.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "collector/clickhouse/clickhouse_cluster.h"
#include "collector/postgres/event_ledger.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// Returns how many events came to count. Those that `store`, which lies in the
// same two places, has already are not doubled, and no number of a block is
// given again. Looks at the last day that the ledger knows, the one before it,
// and what is later. To be called before anything is stored, by one at a time;
// what ClickHouse does not show while a server is behind is found the next
// time. FAILED_PRECONDITION: the ledger is empty and ClickHouse is not.
absl::StatusOr<uint64_t> CountForgottenBlocks(ClickHouseCluster& cluster,
                                              EventLedger& ledger,
                                              EventStore& store);

}  // namespace schoolgate::collector
