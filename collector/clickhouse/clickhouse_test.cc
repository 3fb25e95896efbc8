// The same promises as the store on one machine, kept by ClickHouse for the
// events and PostgreSQL for what of them counts.
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "collector/clickhouse/clickhouse_event_store.h"
#include "collector/clickhouse/forgotten_blocks.h"
#include "collector/clickhouse/row_binary.h"
#include "collector/clickhouse/server_test.h"
#include "collector/postgres/server_test.h"
#include "collector/store/event_store_conformance_test.h"
#include "collector/store/killed_server_test.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

// One of each for the whole program; ended with it. Null where none can be
// had.
TestServer* Ledger() {
  static const std::unique_ptr<TestServer> server = TestServer::Start();
  return server.get();
}
TestClickHouse* Server() {
  static const std::unique_ptr<TestClickHouse> server = TestClickHouse::Start();
  return server.get();
}

ClickHouseCounters& Counters() {
  static ClickHouseCounters counters;
  return counters;
}

std::shared_ptr<Postgres> LedgerAt(const std::string& place) {
  return Postgres::Open(Ledger()->Place(TestServer::SchemaOf(place))).value();
}

absl::StatusOr<std::unique_ptr<EventStore>> OpenEvents(
    const std::string& place) {
  auto cluster = ClickHouseCluster::Open(
      Server()->Place(TestServer::SchemaOf(place)), platform::SystemClock());
  if (!cluster.ok()) return cluster.status();
  return MakeClickHouseEventStore(*std::move(cluster), LedgerAt(place),
                                  Counters());
}

bool HasServers() { return Ledger() != nullptr && Server() != nullptr; }

#define SG_NEEDS_SERVERS() \
  if (!HasServers()) GTEST_SKIP() << "ClickHouse or PostgreSQL is missing"

#define SG_NEEDS_OWN_SERVER() \
  SG_NEEDS_SERVERS();         \
  if (!Server()->own()) GTEST_SKIP() << "not a server of our own"

std::vector<OpenEventStore> EventKinds() {
  if (!HasServers()) return {};
  return {OpenEvents};
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EventStoreTest);
INSTANTIATE_TEST_SUITE_P(ClickHouse, EventStoreTest,
                         testing::ValuesIn(EventKinds()));

size_t CountIn(EventStore& store) {
  EventQuery query;
  query.limit = 1'000'000;
  return store.Find(query).value().size();
}

// A server that is killed under load: what was acknowledged is there, once,
// and what was not is not seen twice when it is sent again.
TEST(ClickHouseTest, AServerThatIsKilledLosesAndDoublesNothing) {
  SG_NEEDS_OWN_SERVER();
  Scratch scratch;
  const auto store = OpenEvents(scratch.path()).value();
  SurvivesItsServer(*store, [] {
    Server()->End(SIGKILL);
    EXPECT_TRUE(Server()->Begin());
  });
}

// The ledger is lost between the block and its commit: the block must never
// be seen, also when the same events come again.
TEST(ClickHouseTest, ABlockThatWasNeverCommittedIsNeverSeen) {
  SG_NEEDS_SERVERS();
  Scratch scratch;
  const auto store = OpenEvents(scratch.path()).value();
  ASSERT_EQ(store->Append(Contacts("D-1", 1, 3))->size(), 3u);
  EventLedger ledger(LedgerAt(scratch.path()));
  const int64_t day = DayOf(kMorning);
  const uint64_t number = ledger.Reserve({&day, 1})->front();
  RowBinary row;
  row.Int32(static_cast<int32_t>(day))
      .Int32(static_cast<int32_t>(day * 24))
      .Text("oak")
      .Int64(absl::ToUnixMicros(kMorning))
      .Int64(absl::ToUnixMicros(kMorning))
      .UInt64(number)
      .UInt32(0)
      .Text("D-1")
      .Text("P-A")
      .UInt64(7)
      .Text(Contact("D-1", 4).event.SerializeAsString());
  const auto cluster =
      ClickHouseCluster::Open(
          Server()->Place(TestServer::SchemaOf(scratch.path())),
          platform::SystemClock())
          .value();
  ASSERT_EQ(cluster->Insert(0, row.bytes()).kind, BlockOutcome::kStored);
  EXPECT_EQ(CountIn(*store), 3u);
  ASSERT_EQ(store->Append(Contacts("D-1", 4, 5))->size(), 2u);
  EXPECT_EQ(CountIn(*store), 5u);
  uint64_t cursor = 0;
  EXPECT_THAT(Sequences(store->ReadAfter(0, 100, &cursor).value()),
              testing::ElementsAre(1, 2, 3, 4, 5));
}

// What the ledger's tables hold, and the same put back: a database that was
// restored from its backup.
constexpr const char* kTables[] = {"event_block", "event_block_open",
                                   "event_stream", "hour_count"};
void BackUp(Postgres& database) {
  for (const char* table : kTables) {
    const std::string sql =
        absl::StrCat("CREATE TABLE kept_", table, " AS TABLE ", table);
    ASSERT_TRUE(database.Run(sql.c_str()).ok());
  }
}
void PutBack(Postgres& database) {
  for (const char* table : kTables) {
    const std::string gone = absl::StrCat("DELETE FROM ", table);
    const std::string back =
        absl::StrCat("INSERT INTO ", table, " SELECT * FROM kept_", table);
    ASSERT_TRUE(database.Run(gone.c_str()).ok());
    ASSERT_TRUE(database.Run(back.c_str()).ok());
  }
  ASSERT_TRUE(database
                  .Run("SELECT setval('event_block_number',"
                       " (SELECT max(number) FROM event_block))")
                  .ok());
}

uint64_t CountAllIn(EventStore& store) {
  const std::vector<HourCount> hours =
      store.Counts("oak", absl::InfinitePast(), absl::InfiniteFuture()).value();
  uint64_t contacts = 0;
  for (const HourCount& hour : hours) contacts += hour.contacts;
  return contacts;
}

// One store, seen from its two places.
struct BothPlaces {
  Scratch scratch;
  std::unique_ptr<EventStore> store = OpenEvents(scratch.path()).value();
  std::shared_ptr<Postgres> database = LedgerAt(scratch.path());
  EventLedger ledger{database};
  std::unique_ptr<ClickHouseCluster> cluster =
      ClickHouseCluster::Open(
          Server()->Place(TestServer::SchemaOf(scratch.path())),
          platform::SystemClock())
          .value();
};

// PostgreSQL comes back from the backup of last night: what was acknowledged
// since would be gone, though ClickHouse has it, and new blocks would get the
// numbers of old ones.
TEST(ClickHouseTest, WhatPostgreSqlForgotCountsAgain) {
  SG_NEEDS_SERVERS();
  BothPlaces both;
  auto& [scratch, store, database, ledger, cluster] = both;
  ASSERT_EQ(store->Append(Contacts("D-1", 1, 10))->size(), 10u);
  EXPECT_EQ(CountForgottenBlocks(*cluster, ledger, *store).value(), 0u);
  BackUp(*database);
  ASSERT_EQ(store->Append(Contacts("D-1", 11, 30))->size(), 20u);
  ASSERT_EQ(store->Append(Contacts("D-2", 1, 5))->size(), 5u);
  const uint64_t counts = CountAllIn(*store);
  PutBack(*database);
  EXPECT_EQ(store->DurableSequence("D-1", 7).value(), 10u);
  EXPECT_EQ(CountForgottenBlocks(*cluster, ledger, *store).value(), 25u);
  EXPECT_EQ(CountForgottenBlocks(*cluster, ledger, *store).value(), 0u);
  EXPECT_EQ(store->DurableSequence("D-1", 7).value(), 30u);
  EXPECT_EQ(CountAllIn(*store), counts);
  // Numbers go on behind theirs, and nothing is stored twice.
  ASSERT_EQ(store->Append(Contacts("D-1", 25, 40))->size(), 10u);
  EXPECT_EQ(CountIn(*store), 45u);
  uint64_t cursor = 0;
  EXPECT_EQ(store->ReadAfter(0, 100, &cursor)->size(), 45u);
}

// A device sent the same once more before anybody looked: of the forgotten
// block only the rest counts.
TEST(ClickHouseTest, WhatCameAgainMeanwhileIsNotDoubled) {
  SG_NEEDS_SERVERS();
  BothPlaces both;
  auto& [scratch, store, database, ledger, cluster] = both;
  ASSERT_EQ(store->Append(Contacts("D-1", 1, 10))->size(), 10u);
  BackUp(*database);
  ASSERT_EQ(store->Append(Contacts("D-1", 11, 30))->size(), 20u);
  PutBack(*database);
  ASSERT_TRUE(ledger.PassOver(1000).ok());
  ASSERT_EQ(store->Append(Contacts("D-1", 11, 15))->size(), 5u);
  EXPECT_EQ(CountForgottenBlocks(*cluster, ledger, *store).value(), 15u);
  EXPECT_EQ(CountForgottenBlocks(*cluster, ledger, *store).value(), 0u);
  EXPECT_EQ(CountIn(*store), 30u);
  uint64_t cursor = 0;
  EXPECT_EQ(store->ReadAfter(0, 100, &cursor)->size(), 30u);
}

// A new database beside an old ClickHouse would show another school's events.
TEST(ClickHouseTest, ANewLedgerBesideOldBlocksIsRefused) {
  SG_NEEDS_SERVERS();
  BothPlaces both;
  auto& [scratch, store, database, ledger, cluster] = both;
  EXPECT_EQ(CountForgottenBlocks(*cluster, ledger, *store).value(), 0u);
  ASSERT_EQ(store->Append(Contacts("D-1", 1, 10))->size(), 10u);
  ASSERT_TRUE(database->Run("DELETE FROM event_block").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      CountForgottenBlocks(*cluster, ledger, *store).status()));
}

// libcurl may send a block again over a new connection: it is there once.
TEST(ClickHouseTest, ABlockThatArrivesTwiceCountsOnce) {
  SG_NEEDS_SERVERS();
  Scratch scratch;
  const auto store = OpenEvents(scratch.path()).value();
  ASSERT_EQ(store->Append(Contacts("D-1", 1, 300))->size(), 300u);
  const ClickHouseConfig config =
      Server()->Place(TestServer::SchemaOf(scratch.path()));
  ClickHouseServer server(
      Server()->url(), {TestClickHouse::kUser, TestClickHouse::kPassword, ""});
  const std::string table = config.database + ".event";
  ASSERT_TRUE(
      server
          .Ask(absl::StrCat("INSERT INTO ", table, " SELECT * FROM ", table),
               {}, absl::Seconds(20))
          .status.ok());
  EXPECT_EQ(CountIn(*store), 300u);
  EventQuery query;
  query.limit = 100;
  EXPECT_EQ(store->Find(query)->size(), 100u);
  uint64_t cursor = 0;
  EXPECT_EQ(store->ReadAfter(0, 250, &cursor)->size(), 250u);
  EXPECT_EQ(store->ReadAfter(cursor, 250, &cursor)->size(), 50u);
}

// Two collectors that write at once, one device that changes from one to the
// other: a reader sees each event once and passes by none.
TEST(ClickHouseTest, ACursorPassesByNothingThatAnotherCollectorStores) {
  SG_NEEDS_SERVERS();
  Scratch scratch;
  constexpr int kWriters = 3;
  constexpr uint64_t kBatches = 15, kEach = 4;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      const auto store = OpenEvents(scratch.path()).value();
      for (uint64_t i = 0; i < kBatches; ++i) {
        std::vector<StoredEvent> events =
            Contacts(absl::StrCat("D-", w), i * kEach + 1, (i + 1) * kEach);
        // All of them also send what this one sends.
        for (StoredEvent& same : Contacts("D-all", i + 1, i + 1)) {
          events.push_back(std::move(same));
        }
        const auto stored = store->Append(events);
        EXPECT_TRUE(stored.ok()) << stored.status();
      }
    });
  }
  const auto reader = OpenEvents(scratch.path()).value();
  std::map<std::string, uint64_t> last;
  uint64_t cursor = 0, read = 0;
  while (read < kWriters * kBatches * kEach + kBatches) {
    const auto page = reader->ReadAfter(cursor, 7, &cursor);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const StoredEvent& event : *page) {
      ASSERT_EQ(event.event.sequence(), ++last[event.device]) << "passed by";
      ++read;
    }
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(CountIn(*reader), read);
}

TEST(ClickHouseTest, AServerThatIsAwayIsNamedWithWhatToDo) {
  ClickHouseConfig config;
  config.shards = {{"http://127.0.0.1:1"}};
  const absl::Status status =
      ClickHouseCluster::Open(config, platform::SystemClock()).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("clickhouse in collector.yaml"));
}

TEST(ClickHouseTest, AWrongPasswordIsSaidAndNotShown) {
  SG_NEEDS_OWN_SERVER();
  ClickHouseServer server(Server()->url(), {"gate", "secret-word", ""});
  const ClickHouseReply reply = server.Ask("SELECT 1", {}, absl::Seconds(5));
  EXPECT_TRUE(absl::IsPermissionDenied(reply.status)) << reply.status;
  EXPECT_FALSE(
      absl::StrContains(std::string(reply.status.message()), "secret-word"));
}

// Between machines events and the password go over TLS, to nobody but the
// server that the configuration means.
TEST(ClickHouseTest, OverTlsAllIsKeptAndAStrangerIsToldNothing) {
  SG_NEEDS_OWN_SERVER();
  Scratch scratch;
  ClickHouseConfig config =
      Server()->Place(TestServer::SchemaOf(scratch.path()));
  config.shards = {{Server()->safe_url()}};
  config.ca_file = Server()->certificate();
  auto cluster = ClickHouseCluster::Open(config, platform::SystemClock());
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  const auto store = MakeClickHouseEventStore(
      *std::move(cluster), LedgerAt(scratch.path()), Counters());
  ASSERT_EQ(store->Append(Contacts("D-1", 1, 300))->size(), 300u);
  EXPECT_EQ(CountIn(*store), 300u);
  uint64_t cursor = 0;
  EXPECT_EQ(store->ReadAfter(0, 1000, &cursor)->size(), 300u);
  // Another authority than the server's; the system's, which do not know it;
  // a name that is not in its certificate.
  ClickHouseConfig others = config;
  others.ca_file = "/etc/ssl/certs/ca-certificates.crt";
  ClickHouseConfig systems = config;
  systems.ca_file.clear();
  ClickHouseConfig name = config;
  name.shards = {{absl::StrReplaceAll(Server()->safe_url(),
                                      {{"127.0.0.1", "localhost"}})}};
  for (const ClickHouseConfig& wrong : {others, systems, name}) {
    const absl::Status status =
        ClickHouseCluster::Open(wrong, platform::SystemClock()).status();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("SSL"));
  }
  // What is not TLS at all is no server either.
  ClickHouseConfig plain = config;
  plain.shards = {
      {absl::StrReplaceAll(Server()->url(), {{"http://", "https://"}})}};
  EXPECT_TRUE(absl::IsUnavailable(
      ClickHouseCluster::Open(plain, platform::SystemClock()).status()));
}

// Nothing that a device or a person writes is ever part of a statement.
TEST(ClickHouseTest, TextThatLooksLikeSqlIsText) {
  SG_NEEDS_SERVERS();
  Scratch scratch;
  const auto store = OpenEvents(scratch.path()).value();
  const std::string evil = "x') OR 1=1; DROP TABLE event -- \\' \n FORMAT Null";
  ASSERT_EQ(store->Append({Contact(evil, 1, evil), Contact("D-2", 1)})->size(),
            2u);
  EventQuery query;
  query.device = evil;
  query.subject = evil;
  ASSERT_EQ(store->Find(query)->size(), 1u);
  EXPECT_EQ(store->Find(query)->front().device, evil);
  query.school = evil;
  EXPECT_TRUE(store->Find(query)->empty());
}

TEST(ClickHouseConfigTest, OnlyWhatCanBeMeantIsTaken) {
  ClickHouseConfig good;
  good.shards = {{"https://ch1.example:8443", "https://ch2.example:8443"}};
  good.cluster = "schoolgate";
  good.quorum = 2;
  EXPECT_TRUE(CheckClickHouseConfig(good).ok());
  const auto refused = [&good](const auto& spoil) {
    ClickHouseConfig config = good;
    spoil(config);
    EXPECT_FALSE(CheckClickHouseConfig(config).ok());
  };
  refused([](auto& c) { c.shards.clear(); });
  refused([](auto& c) { c.shards.emplace_back(); });
  refused([](auto& c) { c.shards[0][0] = "http://ch1.example:8123"; });
  refused([](auto& c) { c.shards[0][0] = "https://u:p@ch1.example:8443"; });
  refused([](auto& c) { c.shards[0][0] = "https://ch1.example:8443/?x"; });
  refused([](auto& c) { c.shards[0][0] = "https://ch1.example"; });
  refused([](auto& c) { c.quorum = 3; });
  refused([](auto& c) { c.quorum = 0; });
  refused([](auto& c) { c.cluster.clear(); });
  refused([](auto& c) { c.cluster = "a'b"; });
  refused([](auto& c) { c.database = "1; DROP"; });
}

// An answer that is cut short anywhere is not taken for a whole one.
TEST(RowBinaryTest, EveryPrefixOfAnAnswerIsToldFromTheWhole) {
  RowBinary rows;
  rows.Int32(-5)
      .Int64(INT64_MIN)
      .UInt64(UINT64_MAX)
      .Text(std::string(300, 'x'));
  const auto read = [](std::string_view bytes) {
    RowBinaryReader reader(bytes);
    EXPECT_TRUE(bytes.empty() || reader.more());
    (void)reader.UInt32();
    (void)reader.Int64();
    (void)reader.UInt64();
    (void)reader.Text();
    return reader.whole() && !reader.more();
  };
  const std::string& bytes = rows.bytes();
  EXPECT_TRUE(read(bytes));
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_FALSE(read(std::string_view(bytes).substr(0, i))) << i;
  }
  // A length that nothing could have.
  EXPECT_TRUE(RowBinaryReader(std::string(12, '\xff')).Text().empty());
}

}  // namespace
}  // namespace schoolgate::collector
