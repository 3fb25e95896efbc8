#include "collector/store/agreements_conformance_test.h"
#include "collector/store/alert_store_conformance_test.h"
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
        [](const auto& place) {
          return OpenSqliteAuditLog(Main(place)).value();
        },
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
    auto log = OpenSqliteAuditLog(file).value();
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
