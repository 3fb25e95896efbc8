#include "collector/clickhouse/clickhouse_cluster.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

// A server that failed is asked last for so long.
constexpr absl::Duration kRest = absl::Seconds(5);
constexpr absl::Duration kReadLimit = absl::Seconds(30);
constexpr absl::Duration kQuorumLimit = absl::Seconds(5);
constexpr absl::Duration kInsertLimit = absl::Seconds(15);
// A server that was not heard of for so long is asked whether it is there
// before a block waits for it, and must answer within a second.
constexpr absl::Duration kSilence = absl::Seconds(1);
constexpr absl::Duration kLookLimit = absl::Seconds(1);
constexpr size_t kMostReadTries = 4;
constexpr int kMakeTries = 3;
constexpr size_t kLongestPassword = 1024;

// ClickHouse's errors.
constexpr int kNoTable = 60, kNoDatabase = 81, kQuorumBusy = 286;

bool NoTables(const ClickHouseReply& reply) {
  return reply.code == kNoTable || reply.code == kNoDatabase;
}

std::string Seconds(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Seconds(duration));
}

absl::StatusOr<std::string> Password(const std::string& file) {
  if (file.empty()) return std::string();
  std::ifstream stream(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(stream), {});
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.pop_back();
  }
  // It goes into a header.
  const bool fits = text.size() <= kLongestPassword &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return std::iscntrl(static_cast<unsigned char>(c)) == 0;
                    });
  if (stream.bad() || text.empty() || !fits) {
    return absl::FailedPreconditionError(absl::StrCat(
        file,
        ": password_file of clickhouse: expected one line that the "
        "collector's user may read"));
  }
  return text;
}

// Rows lie by hour of receipt and school: detection reads the last hours,
// people read a school. Replacing: a block that a broken connection made
// arrive twice is one.
std::string TableSql(const ClickHouseConfig& config, const std::string& table) {
  const std::string engine =
      config.cluster.empty()
          ? "ReplacingMergeTree()"
          : absl::StrCat("ReplicatedReplacingMergeTree('/schoolgate/",
                         config.database, "/{shard}/event', '{replica}')");
  return absl::StrCat(
      "CREATE TABLE IF NOT EXISTS ", table,
      " (day Int32, hour Int32, school String, happened Int64, received Int64,"
      " block UInt64, n UInt32, device String, subject String, epoch UInt64,"
      " body String) ENGINE = ",
      engine,
      " PARTITION BY day ORDER BY (hour, school, happened, block, n)"
      " SETTINGS index_granularity = 8192");
}

}  // namespace

ClickHouseCluster::ClickHouseCluster(const ClickHouseConfig& config,
                                     ClickHouseLogin login,
                                     const platform::Clock& clock)
    : config_(config),
      clock_(clock),
      table_(config.database + ".event"),
      all_(config.cluster.empty() ? table_ : config.database + ".event_all") {
  for (const std::vector<std::string>& shard : config.shards) {
    shards_.emplace_back();
    for (const std::string& url : shard) {
      servers_.push_back(std::make_unique<Member>());
      servers_.back()->server = std::make_unique<ClickHouseServer>(url, login);
      shards_.back().push_back(servers_.back().get());
      everybody_.push_back(servers_.back().get());
    }
  }
}

absl::StatusOr<std::unique_ptr<ClickHouseCluster>> ClickHouseCluster::Open(
    const ClickHouseConfig& config, const platform::Clock& clock) {
  const absl::Status good = CheckClickHouseConfig(config);
  if (!good.ok()) return good;
  const absl::StatusOr<std::string> password = Password(config.password_file);
  if (!password.ok()) return password.status();
  std::unique_ptr<ClickHouseCluster> cluster(new ClickHouseCluster(
      config, {config.user, *password, config.ca_file}, clock));
  absl::Status status;
  bool answered = false;
  for (const auto& member : cluster->servers_) {
    const absl::Status made = cluster->MakeTables(*member->server);
    answered = answered || made.ok();
    if (made.ok()) continue;
    status = made;
    member->failed_us = absl::ToInt64Microseconds(clock.SinceBoot());
    // One that is away makes its tables when it is back; one that refuses us
    // is for a person to mend.
    if (!absl::IsUnavailable(made)) return made;
  }
  if (!answered) return status;
  return cluster;
}

absl::Status ClickHouseCluster::MakeTables(ClickHouseServer& server) {
  std::vector<std::string> statements = {
      "CREATE DATABASE IF NOT EXISTS " + config_.database,
      TableSql(config_, table_)};
  if (!config_.cluster.empty()) {
    statements.push_back(absl::StrCat("CREATE TABLE IF NOT EXISTS ", all_,
                                      " AS ", table_, " ENGINE = Distributed('",
                                      config_.cluster, "', '", config_.database,
                                      "', 'event')"));
  }
  for (const std::string& sql : statements) {
    // Two that make the same table at once may both stumble.
    absl::Status status;
    for (int i = 0; i < kMakeTries; ++i) {
      status = server.Ask(sql, {}, kReadLimit).status;
      if (status.ok()) break;
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

bool ClickHouseCluster::LatelyFailed(const Member& member) const {
  const int64_t failed = member.failed_us;
  return failed >= 0 && clock_.SinceBoot() - absl::Microseconds(failed) < kRest;
}

void ClickHouseCluster::Note(Member& member, const ClickHouseReply& reply) {
  const int64_t now = absl::ToInt64Microseconds(clock_.SinceBoot());
  if (reply.status.ok()) member.failed_us = -1;
  if (reply.status.ok() || reply.code != 0) {
    member.heard_us = now;
  } else {  // it did not speak
    member.failed_us = now;
  }
}

std::vector<ClickHouseCluster::Member*> ClickHouseCluster::InTurn(
    const std::vector<Member*>& of, size_t first) {
  std::vector<Member*> turn;
  for (size_t i = 0; i < of.size(); ++i) {
    turn.push_back(of[(first + i) % of.size()]);
  }
  std::stable_partition(turn.begin(), turn.end(), [this](const Member* one) {
    return !LatelyFailed(*one);
  });
  return turn;
}

std::vector<size_t> ClickHouseCluster::ShardsInTurn() {
  const size_t first = turn_++;
  std::vector<size_t> turn;
  for (size_t i = 0; i < shards_.size(); ++i) {
    turn.push_back((first + i) % shards_.size());
  }
  std::stable_partition(turn.begin(), turn.end(),
                        [this](size_t shard) { return Whole(shards_[shard]); });
  return turn;
}

bool ClickHouseCluster::Whole(const std::vector<Member*>& shard) const {
  const auto live =
      std::count_if(shard.begin(), shard.end(),
                    [this](const Member* one) { return !LatelyFailed(*one); });
  return live >= config_.quorum;
}

void ClickHouseCluster::LookAfter(Member& member) {
  const absl::Duration heard = absl::Microseconds(member.heard_us.load());
  if (LatelyFailed(member) || clock_.SinceBoot() - heard < kSilence) return;
  Note(member, member.server->Ask("SELECT 1", {}, kLookLimit));
}

bool ClickHouseCluster::AnyShardWhole() {
  if (config_.quorum > 1) {
    for (Member* member : everybody_) LookAfter(*member);
  }
  return std::any_of(shards_.begin(), shards_.end(),
                     [this](const auto& shard) { return Whole(shard); });
}

BlockOutcome ClickHouseCluster::Insert(size_t shard, std::string_view rows) {
  ClickHouseSettings settings;
  if (config_.quorum > 1) {
    settings = {{"insert_quorum", absl::StrCat(config_.quorum)},
                {"insert_quorum_timeout",
                 absl::StrCat(absl::ToInt64Milliseconds(kQuorumLimit))}};
  }
  return InsertInto(InTurn(shards_[shard], turn_ / shards_.size()), rows,
                    settings);
}

BlockOutcome ClickHouseCluster::InsertAcross(std::string_view rows) {
  BlockOutcome last;
  int copies = 0;
  bool unsure = false;
  for (const std::vector<Member*>& shard : shards_) {
    last = InsertInto(InTurn(shard, 0), rows, {});
    copies += last.kind == BlockOutcome::kStored;
    unsure = unsure || last.kind == BlockOutcome::kUnsure;
    if (copies == config_.quorum) return last;
  }
  if (copies > 0 || unsure) last.kind = BlockOutcome::kUnsure;
  if (last.status.ok()) {
    last.status = absl::UnavailableError(
        absl::StrCat("ClickHouse: ", copies, " of its servers have a block, ",
                     config_.quorum, " must: see which are away (doctor)"));
  }
  return last;
}

BlockOutcome ClickHouseCluster::InsertInto(const std::vector<Member*>& members,
                                           std::string_view rows,
                                           const ClickHouseSettings& settings) {
  const std::string sql = absl::StrCat(
      "INSERT INTO ", table_,
      " (day, hour, school, happened, received, block, n, device, subject,"
      " epoch, body) FORMAT RowBinary");
  ClickHouseReply reply;
  for (Member* member : members) {
    reply = member->server->Insert(sql, rows, settings, kInsertLimit);
    if (NoTables(reply) && MakeTables(*member->server).ok()) {
      reply = member->server->Insert(sql, rows, settings, kInsertLimit);
    }
    Note(*member, reply);
    if (reply.status.ok()) return {BlockOutcome::kStored, reply.status};
    if (reply.unsure) return {BlockOutcome::kUnsure, reply.status};
    if (reply.code == kQuorumBusy) return {BlockOutcome::kBusy, reply.status};
  }
  return {BlockOutcome::kRefused, reply.status};
}

ClickHouseReply ClickHouseCluster::Ask(Member& member, const std::string& sql) {
  const ClickHouseSettings settings = {
      {"max_execution_time", Seconds(kReadLimit)},
      {"max_query_size", "8388608"},
      {"max_ast_elements", "1000000"},
      {"max_expanded_ast_elements", "1000000"}};
  ClickHouseReply reply = member.server->Ask(sql, settings, kReadLimit);
  if (NoTables(reply) && MakeTables(*member.server).ok()) {
    reply = member.server->Ask(sql, settings, kReadLimit);
  }
  Note(member, reply);
  return reply;
}

absl::StatusOr<std::string> ClickHouseCluster::Ask(const std::string& sql) {
  absl::Status status;
  size_t tries = 0;
  for (Member* member : InTurn(everybody_, turn_++)) {
    if (++tries > kMostReadTries) break;
    ClickHouseReply reply = Ask(*member, sql);
    if (reply.status.ok()) return std::move(reply.body);
    status = reply.status;
    if (!absl::IsUnavailable(status)) break;
  }
  return status;
}

absl::Status ClickHouseCluster::OnEachShard(const std::string& sql) {
  for (const std::vector<Member*>& shard : shards_) {
    absl::Status status;
    for (Member* member : InTurn(shard, 0)) {
      status = Ask(*member, sql).status;
      if (status.ok()) break;
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::vector<std::string> ClickHouseCluster::Silent() {
  std::vector<std::string> silent;
  for (const auto& member : servers_) {
    const ClickHouseReply reply =
        Ask(*member, absl::StrCat("SELECT count() FROM ", all_,
                                  " WHERE day = 0 FORMAT RowBinary"));
    if (!reply.status.ok()) {
      silent.emplace_back(reply.status.message());
    }
  }
  return silent;
}

}  // namespace schoolgate::collector
