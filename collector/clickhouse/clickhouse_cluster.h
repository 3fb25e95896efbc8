// The servers that hold events: shards of servers that hold the same. Knows
// which of them answer, and has the tables made where they are missing.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/clickhouse/clickhouse_config.h"
#include "collector/clickhouse/clickhouse_server.h"
#include "platform/clock.h"

namespace schoolgate::collector {

// What became of a block that was sent to a shard.
struct BlockOutcome {
  enum Kind {
    kStored,
    kBusy,     // not stored: its last block has not got its quorum yet
    kRefused,  // not stored
    kUnsure,   // nobody knows
  };
  Kind kind = kRefused;
  absl::Status status;
};

// Thread-safe.
class ClickHouseCluster {
 public:
  // UNAVAILABLE: none of the servers answers. Borrows the clock for life.
  static absl::StatusOr<std::unique_ptr<ClickHouseCluster>> Open(
      const ClickHouseConfig& config, const platform::Clock& clock);

  // Shards in the order in which a block should try them: the first is the
  // next in turn, those with servers that lately failed come last.
  std::vector<size_t> ShardsInTurn();

  // One block of rows, of one partition, all or nothing. Durable on as many
  // servers as the configuration asks for.
  BlockOutcome Insert(size_t shard, std::string_view rows);

  // Whether a shard may have enough servers for that, as far as is known.
  // Looks after servers that were not heard of for a second.
  bool AnyShardWhole();

  // Whether there are shards enough for InsertAcross, and a reason for it.
  bool CanGoAcross() const {
    return config_.quorum > 1 &&
           shards_.size() >= static_cast<size_t>(config_.quorum);
  }

  // The block on one server each of as many shards as the configuration asks
  // for servers: for when no shard is whole. Readers see it once. Never
  // kBusy.
  BlockOutcome InsertAcross(std::string_view rows);

  // A question to any server. The answer is RowBinary.
  absl::StatusOr<std::string> Ask(const std::string& sql);

  // A statement for one server of each shard.
  absl::Status OnEachShard(const std::string& sql);

  // Servers that did not answer, each with why. Asks all of them.
  std::vector<std::string> Silent();

  // How the table is called that a server holds, and the one that shows all.
  const std::string& table() const { return table_; }
  const std::string& all() const { return all_; }

  size_t servers() const { return servers_.size(); }
  absl::Duration SinceBoot() const { return clock_.SinceBoot(); }

 private:
  struct Member {
    std::unique_ptr<ClickHouseServer> server;
    std::atomic<int64_t> failed_us{-1};  // since boot; -1: it answers
    std::atomic<int64_t> heard_us{-1};   // since boot; of its last answer
  };

  ClickHouseCluster(const ClickHouseConfig& config, ClickHouseLogin login,
                    const platform::Clock& clock);

  absl::Status MakeTables(ClickHouseServer& server);
  bool LatelyFailed(const Member& member) const;
  bool Whole(const std::vector<Member*>& shard) const;
  void LookAfter(Member& member);
  // On the first of these that takes it.
  BlockOutcome InsertInto(const std::vector<Member*>& members,
                          std::string_view rows,
                          const ClickHouseSettings& settings);
  void Note(Member& member, const ClickHouseReply& reply);
  // Members that answer first.
  std::vector<Member*> InTurn(const std::vector<Member*>& of, size_t first);
  ClickHouseReply Ask(Member& member, const std::string& sql);

  const ClickHouseConfig config_;
  const platform::Clock& clock_;
  const std::string table_, all_;
  std::vector<std::unique_ptr<Member>> servers_;
  std::vector<std::vector<Member*>> shards_;
  std::vector<Member*> everybody_;
  std::atomic<size_t> turn_{0};
};

}  // namespace schoolgate::collector
