// What happened to blocks of events on their way into ClickHouse.
#pragma once

#include <atomic>
#include <cstdint>

namespace schoolgate::collector {

struct ClickHouseCounters {
  std::atomic<uint64_t> blocks{0};     // that came to count
  std::atomic<uint64_t> bytes{0};      // of their rows
  std::atomic<uint64_t> refused{0};    // a shard did not take one
  std::atomic<uint64_t> busy{0};       // a shard waited for its quorum
  std::atomic<uint64_t> across{0};     // on servers of several shards
  std::atomic<uint64_t> unsure{0};     // written anew under another number
  std::atomic<uint64_t> overtaken{0};  // others stored the same meanwhile
  std::atomic<uint64_t> missing{0};    // reads that lacked events
};

}  // namespace schoolgate::collector
