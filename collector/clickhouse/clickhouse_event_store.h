// Events in ClickHouse; what of them counts in PostgreSQL.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "collector/clickhouse/clickhouse_cluster.h"
#include "collector/clickhouse/clickhouse_counters.h"
#include "collector/postgres/event_ledger.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// A block is written under a number that the ledger gave; it counts once the
// ledger says so, together with the devices' progress. What nobody knows the
// outcome of is written anew under another number, to another shard if there
// is one; the first is never read. `counters` and the clock of the cluster
// must outlive the store.
std::unique_ptr<EventStore> MakeClickHouseEventStore(
    std::unique_ptr<ClickHouseCluster> cluster,
    std::shared_ptr<Postgres> ledger, ClickHouseCounters& counters);

}  // namespace schoolgate::collector
