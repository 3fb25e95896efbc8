#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/store/agreements_conformance_test.h"
#include "collector/store/alert_store_conformance_test.h"
#include "collector/store/audit_forgery_test.h"
#include "collector/store/begun_log_test.h"
#include "collector/store/passing_store_conformance_test.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

std::string Main(const std::string& place) { return place + "/main.sqlite"; }

INSTANTIATE_TEST_SUITE_P(
    Sqlite, SmallStoresTest,
    testing::Values(SmallStoresKind{
        "Sqlite",
        [](const auto& place) {
          return OpenSqliteAlertStore(Main(place)).value();
        },
        [](const auto& place) { return BegunAuditLog(Main(place)); },
        [](const auto& place) {
          return OpenSqliteDeviceStore(Main(place)).value();
        },
        [](const auto& place) {
          return OpenSqliteAccountStore(Main(place)).value();
        },
        [](const auto& place) {
          return OpenSqliteHeldEvents(Main(place)).value();
        },
        [](const auto& place) {
          return OpenSqliteFeedStore(Main(place)).value();
        },
        [](const auto& place) {
          return OpenSqliteSecondFactorStore(Main(place)).value();
        },
        [](const auto& place) {
          return OpenSqliteAgreementStore(Main(place)).value();
        },
        [](const auto& place) {
          return OpenSqliteIdentityStore(Main(place)).value();
        },
        [](const auto& place) {
          return OpenSqliteAttachmentStore(Main(place)).value();
        }}),
    [](const auto& kind) { return kind.param.name; });

absl::Status RunSql(const std::string& place, const std::string& sql) {
  return Database::Open(Main(place)).value()->Execute(sql);
}

INSTANTIATE_TEST_SUITE_P(
    Sqlite, AuditForgeryTest,
    testing::Values(AuditKind{
        "Sqlite",
        [](const auto& place, AuditKeys keys) {
          return OpenSqliteAuditLog(Main(place), std::move(keys)).value();
        },
        RunSql,
        "DROP TRIGGER IF EXISTS audit_signed;"
        "DROP TRIGGER IF EXISTS audit_no_update;"
        "DROP TRIGGER IF EXISTS audit_no_delete;",
        "DROP TABLE audit_head"}),
    [](const auto& kind) { return kind.param.name; });

// Two collectors cannot share it: nobody offers them to.
INSTANTIATE_TEST_SUITE_P(Memory, PassingStoreTest,
                         testing::Values([](const auto&) {
                           return MakeMemoryPassingStore();
                         }));

// After an upgrade last month's report would be empty.
TEST(AlertStoreTest, AFileOfAnEarlierVersionGetsItsTimes) {
  Scratch scratch;
  const std::string file = scratch.File("main.sqlite");
  v1::Alert alert = Sample(v1::SEVERITY_ROUTINE, 5'000'000);
  alert.set_raised_unix_us(5'000'000);
  ASSERT_TRUE(OpenSqliteAlertStore(file).value()->Put(alert).ok());
  auto earlier = Database::Open(file).value();
  ASSERT_TRUE(earlier
                  ->Execute("DROP INDEX alert_raised;"
                            "DROP INDEX alert_raised_unknown;"
                            "DROP INDEX alert_not_briefed;"
                            "DROP TABLE alert_brief;"
                            "ALTER TABLE alert DROP COLUMN raised_us;"
                            "ALTER TABLE alert DROP COLUMN briefed;"
                            "CREATE INDEX alert_subject ON alert(subject)"
                            "  WHERE subject<>''")
                  .ok());
  earlier.reset();
  AlertQuery query;
  query.school = "oak";
  query.raised_from = absl::FromUnixSeconds(5);
  query.raised_to = absl::FromUnixSeconds(6);
  EXPECT_EQ(OpenSqliteAlertStore(file).value()->Find(query)->size(), 1u);
  query.brief = true;
  EXPECT_EQ(OpenSqliteAlertStore(file).value()->Find(query)->size(), 1u);
}

TEST(AuditLogTest, AnEditOrADeletionBehindOurBackIsFound) {
  for (const char* crime :
       {"UPDATE audit SET who='nobody' WHERE number=2",
        "DELETE FROM audit WHERE number=2", "DELETE FROM audit WHERE number=1",
        "UPDATE audit SET time_us=time_us+1 WHERE number=3"}) {
    Scratch scratch;
    const std::string file = scratch.File("main.sqlite");
    auto log = BegunAuditLog(file);
    for (const char* who : {"a.patel", "system", "b.jones"}) {
      ASSERT_TRUE(log->Append(Entry(who)).ok());
    }
    ASSERT_TRUE(log->Verify().ok());
    auto forger = Database::Open(file).value();
    EXPECT_FALSE(forger->Execute(crime).ok()) << "the trigger must refuse";
    ASSERT_TRUE(forger
                    ->Execute("DROP TRIGGER audit_no_update;"
                              "DROP TRIGGER audit_no_delete")
                    .ok());
    ASSERT_TRUE(forger->Execute(crime).ok());
    EXPECT_TRUE(absl::IsDataLoss(log->Verify())) << crime;
  }
}

TEST(AuditLogTest, ReadingAloneChangesNothing) {
  Scratch scratch;
  const std::string file = scratch.File("main.sqlite");
  EXPECT_FALSE(OpenSqliteAuditLog(file, {}).ok()) << "there is no file";
  ASSERT_TRUE(BegunAuditLog(file)->Append(Entry("a.patel")).ok());
  auto earlier = Database::Open(file).value();
  ASSERT_TRUE(
      earlier->Execute("DROP TRIGGER audit_signed; DROP TABLE audit_head")
          .ok());
  EXPECT_EQ(OpenSqliteAuditLog(file, {}).value()->Read(0, 9)->size(), 1u);
  EXPECT_FALSE(earlier->Prepare("SELECT 1 FROM audit_head").ok());
}

// Killed at any moment: in an append, between two, in the first one.
TEST(AuditLogTest, AKillLeavesAWholeLog) {
  Scratch scratch;
  const std::string file = scratch.File("main.sqlite");
  uint64_t known = 0;
  for (int kills = 0; kills < 12; ++kills) {
    int told[2];
    ASSERT_EQ(pipe(told), 0);
    const pid_t child = fork();
    if (child == 0) {
      const auto log = BegunAuditLog(file);
      while (log->Append(Entry("a.patel")).ok()) {
        (void)!write(told[1], "+", 1);
      }
      _exit(1);
    }
    close(told[1]);
    char sign = 0;
    for (int i = 0; i <= kills; ++i) ASSERT_EQ(read(told[0], &sign, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    known += static_cast<uint64_t>(kills) + 1;
    for (; read(told[0], &sign, 1) == 1;) ++known;
    close(told[0]);
    const auto log = BegunAuditLog(file);
    const absl::Status status = log->Verify();
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_GE(log->Head()->number, known) << "what was told is durable";
    known = log->Head()->number;
  }
}

TEST(AuditLogTest, ANewLogIsEmptyForNobody) {
  Scratch scratch;
  const auto log = BegunAuditLog(scratch.File("main.sqlite"));
  const absl::Status status = log->Verify();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("is empty"));
}

TEST(DatabaseTest, ADamagedOrForbiddenFileIsNamedWithWhatToDo) {
  Scratch scratch;
  const std::string file = scratch.File("main.sqlite");
  FILE* rubbish = fopen(file.c_str(), "w");
  for (int i = 0; i < 4096; ++i) fputc('x', rubbish);
  fclose(rubbish);
  const absl::Status damaged = OpenSqliteAlertStore(file).status();
  EXPECT_TRUE(absl::IsDataLoss(damaged)) << damaged;
  EXPECT_THAT(std::string(damaged.message()), testing::HasSubstr(file));
  const absl::Status missing =
      OpenSqliteAlertStore(scratch.File("no/such/place")).status();
  EXPECT_TRUE(absl::IsPermissionDenied(missing)) << missing;
}

}  // namespace
}  // namespace schoolgate::collector
