// Where events lie when they lie in ClickHouse: `clickhouse` in
// collector.yaml.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace schoolgate::collector {

// A value.
struct ClickHouseConfig {
  // Servers of a shard hold the same; each is https://HOST:PORT. Empty: events
  // are not in ClickHouse.
  std::vector<std::vector<std::string>> shards;
  std::string database = "schoolgate";
  std::string user = "default";
  std::string password_file;  // empty: no password
  std::string ca_file;        // empty: the system's
  // As remote_servers of the servers names it. With it the tables are
  // Replicated, and read through a Distributed one.
  std::string cluster;
  // So many servers of a shard must have a block before it counts.
  int quorum = 1;

  bool operator==(const ClickHouseConfig&) const = default;
};

// INVALID_ARGUMENT says what is wrong and what is expected.
absl::Status CheckClickHouseConfig(const ClickHouseConfig& config);

}  // namespace schoolgate::collector
