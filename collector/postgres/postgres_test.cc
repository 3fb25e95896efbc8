// The same promises as the store on one machine, kept by PostgreSQL.
#include "collector/postgres/postgres.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "collector/postgres/advisory_locks.h"
#include "collector/postgres/postgres_stores.h"
#include "collector/postgres/server_test.h"
#include "collector/store/agreements_conformance_test.h"
#include "collector/store/alert_store_conformance_test.h"
#include "collector/store/audit_forgery_test.h"
#include "collector/store/event_store_conformance_test.h"
#include "collector/store/killed_server_test.h"
#include "collector/store/passing_store_conformance_test.h"

namespace schoolgate::collector {
namespace {

// One for the whole program; ended with it. Null where none can be had.
TestServer* Server() {
  static const std::unique_ptr<TestServer> server = TestServer::Start();
  return server.get();
}

std::shared_ptr<Postgres> At(const std::string& place) {
  return Postgres::Open(Server()->Place(TestServer::SchemaOf(place))).value();
}

#define SG_NEEDS_SERVER() \
  if (Server() == nullptr) GTEST_SKIP() << "PostgreSQL is not installed"

SmallStoresKind SmallKind() {
  return {
      "Postgres",
      [](const auto& place) { return MakePostgresAlertStore(At(place)); },
      [](const auto& place) {
        return Begun(MakePostgresAuditLog(At(place), TestAuditKeys()));
      },
      [](const auto& place) { return MakePostgresDeviceStore(At(place)); },
      [](const auto& place) { return MakePostgresAccountStore(At(place)); },
      [](const auto& place) { return MakePostgresHeldEvents(At(place)); },
      [](const auto& place) {
        return MakePostgresFeedStore(
            At(place), Server()->Place(TestServer::SchemaOf(place)));
      },
      [](const auto& place) {
        return MakePostgresSecondFactorStore(At(place));
      },
      [](const auto& place) { return MakePostgresAgreementStore(At(place)); },
      [](const auto& place) { return MakePostgresIdentityStore(At(place)); },
      [](const auto& place) { return MakePostgresAttachmentStore(At(place)); }};
}

absl::StatusOr<std::unique_ptr<EventStore>> OpenEvents(
    const std::string& place) {
  return MakePostgresEventStore(At(place));
}

// A suite for each machine that has a server; the one without says so.
std::vector<SmallStoresKind> SmallKinds() {
  if (Server() == nullptr) return {};
  return {SmallKind()};
}
std::vector<OpenEventStore> EventKinds() {
  if (Server() == nullptr) return {};
  return {OpenEvents};
}
std::vector<OpenPassingStore> PassingKinds() {
  if (Server() == nullptr) return {};
  return {
      [](const auto& place) { return MakePostgresPassingStore(At(place)); }};
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PassingStoreTest);
INSTANTIATE_TEST_SUITE_P(Postgres, PassingStoreTest,
                         testing::ValuesIn(PassingKinds()));
std::vector<AuditKind> AuditKinds() {
  if (Server() == nullptr) return {};
  return {{"Postgres",
           [](const auto& place, AuditKeys keys) {
             return MakePostgresAuditLog(At(place), std::move(keys));
           },
           [](const auto& place, const std::string& sql) {
             return At(place)->Transact([&](Connection& connection) {
               return connection.Execute(sql);
             });
           },
           "DROP TRIGGER IF EXISTS audit_signed ON audit;"
           "DROP TRIGGER IF EXISTS audit_no_change ON audit;",
           "DROP TABLE audit_head; UPDATE sg_version SET version=9"}};
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AuditForgeryTest);
INSTANTIATE_TEST_SUITE_P(Postgres, AuditForgeryTest,
                         testing::ValuesIn(AuditKinds()),
                         [](const auto& kind) { return kind.param.name; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SmallStoresTest);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EventStoreTest);
INSTANTIATE_TEST_SUITE_P(Postgres, SmallStoresTest,
                         testing::ValuesIn(SmallKinds()),
                         [](const auto& kind) { return kind.param.name; });
INSTANTIATE_TEST_SUITE_P(Postgres, EventStoreTest,
                         testing::ValuesIn(EventKinds()));

TEST(PostgresTest, AnEditOrADeletionOfTheAuditLogIsRefusedAndFound) {
  SG_NEEDS_SERVER();
  Scratch scratch;
  auto database = At(scratch.path());
  auto log = Begun(MakePostgresAuditLog(database, TestAuditKeys()));
  for (const char* who : {"a.patel", "system", "b.jones"}) {
    ASSERT_TRUE(log->Append(Entry(who)).ok());
  }
  ASSERT_TRUE(log->Verify().ok());
  for (const char* crime :
       {"UPDATE audit SET who='nobody' WHERE number=2",
        "DELETE FROM audit WHERE number=2", "TRUNCATE audit"}) {
    EXPECT_FALSE(database->Run(crime).ok()) << "the trigger must refuse";
  }
  ASSERT_TRUE(database->Run("DROP TRIGGER audit_no_change ON audit").ok());
  ASSERT_TRUE(
      database->Run("UPDATE audit SET who='nobody' WHERE number=2").ok());
  EXPECT_TRUE(absl::IsDataLoss(log->Verify()));
}

TEST(PostgresTest, AServerThatIsNotThereIsNamedWithWhatToDo) {
  const absl::Status status =
      Postgres::Open("host=/nowhere dbname=none").status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("database in collector.yaml"));
}

TEST(PostgresTest, FeedsAreSentByOneCollectorAtATime) {
  SG_NEEDS_SERVER();
  Scratch scratch;
  const std::string at = Server()->Place(TestServer::SchemaOf(scratch.path()));
  auto first = MakePostgresFeedStore(At(scratch.path()), at);
  auto second = MakePostgresFeedStore(At(scratch.path()), at);
  EXPECT_TRUE(first->TakeTurn());
  EXPECT_FALSE(second->TakeTurn());
  EXPECT_TRUE(first->TakeTurn());
  first.reset();
  while (!second->TakeTurn()) std::this_thread::yield();
}

// Before format 2 an alert did not say whether it is held.
TEST(PostgresTest, TablesOfTheFirstFormatAreTakenOver) {
  SG_NEEDS_SERVER();
  Scratch scratch;
  auto database = At(scratch.path());
  ASSERT_TRUE(database->Run("ALTER TABLE alert DROP COLUMN held").ok());
  ASSERT_TRUE(database->Run("DROP TABLE held_event").ok());
  ASSERT_TRUE(database->Run("UPDATE sg_version SET version=1").ok());
  auto alerts = MakePostgresAlertStore(At(scratch.path()));
  EXPECT_TRUE(alerts->Put(Sample(v1::SEVERITY_ROUTINE, 1)).ok());
  EXPECT_TRUE(MakePostgresHeldEvents(database)->Of(1)->empty());
}

TEST(PostgresTest, TablesOfANewerVersionAreLeftAlone) {
  SG_NEEDS_SERVER();
  Scratch scratch;
  ASSERT_TRUE(At(scratch.path())->Run("UPDATE sg_version SET version=99").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      Postgres::Open(Server()->Place(TestServer::SchemaOf(scratch.path())))
          .status()));
}

// A collector must live on when its server is restarted, and nothing that was
// acknowledged may be gone or there twice.
TEST(PostgresTest, AServerThatCrashesLosesNothingThatWasStored) {
  SG_NEEDS_SERVER();
  Scratch scratch;
  auto store = MakePostgresEventStore(At(scratch.path()));
  SurvivesItsServer(*store, [] {
    Server()->End(SIGQUIT);
    Server()->Begin();
  });
}

// Two collectors that write at once: whoever reads on from a cursor must see
// each event once, and in one order.
TEST(PostgresTest, ACursorPassesByNothingThatAnotherCollectorStores) {
  SG_NEEDS_SERVER();
  Scratch scratch;
  constexpr int kWriters = 3;
  constexpr uint64_t kBatches = 25, kEach = 4;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      auto store = MakePostgresEventStore(At(scratch.path()));
      for (uint64_t i = 0; i < kBatches; ++i) {
        const auto stored = store->Append(
            Contacts(absl::StrCat("D-", w), i * kEach + 1, (i + 1) * kEach));
        EXPECT_TRUE(stored.ok()) << stored.status();
      }
    });
  }
  auto reader = MakePostgresEventStore(At(scratch.path()));
  std::map<std::string, uint64_t> last;
  uint64_t cursor = 0, read = 0;
  while (read < kWriters * kBatches * kEach) {
    const auto page = reader->ReadAfter(cursor, 7, &cursor);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const StoredEvent& event : *page) {
      ASSERT_EQ(event.event.sequence(), ++last[event.device]) << "passed by";
      ++read;
    }
  }
  for (std::thread& writer : writers) writer.join();
}

TEST(AdvisoryLocksTest, ANameIsHeldOnceAndTakenOverWhenItsHolderIsGone) {
  SG_NEEDS_SERVER();
  Scratch scratch;
  const std::string at = Server()->Place(TestServer::SchemaOf(scratch.path()));
  const std::vector<std::string> schools = {scratch.path() + "/oak",
                                            scratch.path() + "/elm"};
  auto first = std::make_unique<AdvisoryLocks>(at, "school");
  AdvisoryLocks second(at, "school");
  AdvisoryLocks others(at, "feeds");
  EXPECT_EQ(first->Turn(schools).size(), 2u);
  EXPECT_TRUE(second.Turn(schools).empty());
  EXPECT_EQ(others.Turn(schools).size(), 2u) << "of another kind";
  EXPECT_EQ(first->Turn(schools).size(), 2u) << "its own are not lost";
  first.reset();
  std::set<std::string> taken;
  while (taken.size() < 2) taken = second.Turn(schools);
  AdvisoryLocks nowhere("host=/nowhere", "school");
  EXPECT_TRUE(nowhere.Turn(schools).empty());
}

}  // namespace
}  // namespace schoolgate::collector
