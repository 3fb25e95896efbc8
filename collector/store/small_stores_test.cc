#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "collector/store/account_store.h"
#include "collector/store/alert_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"
#include "collector/store/scratch_test.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'795'424'400);

v1::Alert Sample(v1::Severity severity, int64_t last_us) {
  v1::Alert alert;
  alert.set_school("oak");
  alert.set_severity(severity);
  alert.set_state(v1::ALERT_STATE_NEW);
  alert.set_subject("P-7F3AQ2");
  alert.set_last_unix_us(last_us);
  return alert;
}

TEST(AlertStoreTest, TheFeedSeesEveryChangeOnceInOrder) {
  Scratch scratch;
  auto store = OpenSqliteAlertStore(scratch.File("main.sqlite")).value();
  v1::Alert first = store->Put(Sample(v1::SEVERITY_ROUTINE, 1)).value();
  const v1::Alert second = store->Put(Sample(v1::SEVERITY_SERIOUS, 2)).value();
  EXPECT_NE(first.id(), second.id());
  first.set_state(v1::ALERT_STATE_SEEN);
  first = store->Put(first).value();
  EXPECT_EQ(first.revision(), 3u);
  const auto changes = store->ChangesAfter(0, 10).value();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].id(), second.id());
  EXPECT_EQ(changes[1].state(), v1::ALERT_STATE_SEEN);
  EXPECT_TRUE(store->ChangesAfter(3, 10)->empty());
}

// Otherwise what a person once did would follow them for ever; and what nobody
// has looked at yet would vanish.
TEST(AlertStoreTest, OldClosedAlertsAreErasedOpenOnesStay) {
  Scratch scratch;
  auto store = OpenSqliteAlertStore(scratch.File("main.sqlite")).value();
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const auto put = [&](absl::Duration age, v1::AlertState state) {
    v1::Alert alert;
    alert.set_last_unix_us(absl::ToUnixMicros(now - age));
    alert.set_state(state);
    return store->Put(alert).value().id();
  };
  const uint64_t old_closed = put(absl::Hours(48), v1::ALERT_STATE_CLOSED);
  const uint64_t old_open = put(absl::Hours(48), v1::ALERT_STATE_NEW);
  const uint64_t new_closed = put(absl::Hours(1), v1::ALERT_STATE_CLOSED);
  EXPECT_EQ(store->Expire(now, absl::Hours(24)).value(), 1u);
  EXPECT_FALSE(store->Get(old_closed).ok());
  EXPECT_TRUE(store->Get(old_open).ok());
  EXPECT_TRUE(store->Get(new_closed).ok());
}

TEST(AlertStoreTest, TheWorstComesFirstThenTheNewest) {
  Scratch scratch;
  auto store = OpenSqliteAlertStore(scratch.File("main.sqlite")).value();
  for (const auto& [severity, time] : {std::pair{v1::SEVERITY_ROUTINE, 9},
                                       {v1::SEVERITY_SERIOUS, 1},
                                       {v1::SEVERITY_SERIOUS, 5}}) {
    ASSERT_TRUE(store->Put(Sample(severity, time)).ok());
  }
  std::vector<uint64_t> ids;
  const std::vector<v1::Alert> found = store->Find({}).value();
  for (const v1::Alert& alert : found) ids.push_back(alert.id());
  EXPECT_THAT(ids, testing::ElementsAre(3, 2, 1));
  AlertQuery query;
  query.at_least = v1::SEVERITY_SERIOUS;
  query.before_id = 3;
  EXPECT_EQ(store->Find(query)->size(), 1u);
  query.school = "elm";
  EXPECT_TRUE(store->Find(query)->empty());
}

TEST(AlertStoreTest, AWaiterWakesForAChangeByAnotherProcess) {
  Scratch scratch;
  auto here = OpenSqliteAlertStore(scratch.File("main.sqlite")).value();
  auto there = OpenSqliteAlertStore(scratch.File("main.sqlite")).value();
  std::thread writer(
      [&] { ASSERT_TRUE(there->Put(Sample(v1::SEVERITY_ROUTINE, 1)).ok()); });
  EXPECT_EQ(here->WaitForChange(0, absl::Minutes(1)), 1u);
  writer.join();
  std::thread closer([&] { here->Close(); });
  EXPECT_EQ(here->WaitForChange(1, absl::Minutes(1)), 1u);
  closer.join();
}

TEST(AlertStoreTest, ARefusedUpdateChangesNothing) {
  Scratch scratch;
  auto store = OpenSqliteAlertStore(scratch.File("main.sqlite")).value();
  const v1::Alert alert = store->Put(Sample(v1::SEVERITY_ROUTINE, 1)).value();
  const auto refused = store->Update(alert.id(), [](v1::Alert* changed) {
    changed->set_state(v1::ALERT_STATE_CLOSED);
    return absl::PermissionDeniedError("two people are needed");
  });
  EXPECT_TRUE(absl::IsPermissionDenied(refused.status()));
  EXPECT_EQ(store->Get(alert.id())->state(), v1::ALERT_STATE_NEW);
  EXPECT_TRUE(absl::IsNotFound(
      store->Update(99, [](v1::Alert*) { return absl::OkStatus(); }).status()));
  ASSERT_TRUE(store
                  ->Update(alert.id(),
                           [](v1::Alert* changed) {
                             changed->set_state(v1::ALERT_STATE_SEEN);
                             return absl::OkStatus();
                           })
                  .ok());
  EXPECT_EQ(store->Get(alert.id())->state(), v1::ALERT_STATE_SEEN);
  EXPECT_EQ(store->Get(alert.id())->revision(), 2u);
}

AuditEntry Entry(const std::string& who) {
  AuditEntry entry;
  entry.time = kNow;
  entry.who = who;
  entry.action = "view_alert";
  entry.about = "12";
  return entry;
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

TEST(AuditLogTest, TwoProcessesMakeOneChain) {
  Scratch scratch;
  auto here = OpenSqliteAuditLog(scratch.File("main.sqlite")).value();
  auto there = OpenSqliteAuditLog(scratch.File("main.sqlite")).value();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(here->Append(Entry("a")).ok());
    ASSERT_TRUE(there->Append(Entry("b")).ok());
  }
  EXPECT_TRUE(here->Verify().ok());
  EXPECT_EQ(here->Read(8, 100)->size(), 2u);
}

TEST(DeviceStoreTest, ADeviceComesBackWhole) {
  Scratch scratch;
  auto store = OpenSqliteDeviceStore(scratch.File("main.sqlite")).value();
  Device device;
  device.id = "D-4KQ7X2M9";
  device.school = "oak";
  device.signing_key = std::string("\0\1\2", 3);
  device.state = DeviceState::kQuarantined;
  device.last_contact = kNow;
  device.clock_offset = absl::Seconds(-90);
  device.heartbeat.set_hostname("laptop-7");
  ASSERT_TRUE(store->Put(device).ok());
  const Device back = store->Get("D-4KQ7X2M9").value();
  EXPECT_EQ(back.signing_key, device.signing_key);
  EXPECT_EQ(back.state, DeviceState::kQuarantined);
  EXPECT_EQ(back.last_contact, kNow);
  EXPECT_EQ(back.enrolled, absl::InfinitePast());
  EXPECT_EQ(back.clock_offset, absl::Seconds(-90));
  EXPECT_EQ(back.heartbeat.hostname(), "laptop-7");
  EXPECT_EQ(store->All("oak")->size(), 1u);
  EXPECT_TRUE(store->All("elm")->empty());
  EXPECT_TRUE(absl::IsNotFound(store->Get("D-0").status()));
}

TEST(DeviceStoreTest, AContactDoesNotUndoABanMadeMeanwhile) {
  Scratch scratch;
  auto store = OpenSqliteDeviceStore(scratch.File("main.sqlite")).value();
  Device device;
  device.id = "D-1";
  device.contact_nonce = "old";
  ASSERT_TRUE(store->Put(device).ok());
  ASSERT_TRUE(store->SetState("D-1", DeviceState::kBanned).ok());
  DeviceContact contact;
  contact.id = "D-1";
  contact.last_contact = kNow;
  contact.heartbeat.emplace().set_hostname("laptop-7");
  contact.heartbeat_time = kNow;
  DeviceContact unknown;
  unknown.id = "D-2";
  ASSERT_TRUE(store->RecordContacts(std::vector{contact, unknown}).ok());
  const Device back = store->Get("D-1").value();
  EXPECT_EQ(back.state, DeviceState::kBanned);
  EXPECT_EQ(back.last_contact, kNow);
  EXPECT_EQ(back.heartbeat.hostname(), "laptop-7");
  EXPECT_EQ(back.contact_nonce, "old");
  EXPECT_TRUE(absl::IsNotFound(store->SetState("D-2", DeviceState::kActive)));
}

TEST(DeviceStoreTest, ATokenGivesExactlyItsUsesAndThenSaysWhyNot) {
  Scratch scratch;
  auto store = OpenSqliteDeviceStore(scratch.File("main.sqlite")).value();
  EnrolToken token;
  token.id = "T1";
  token.uses_left = 2;
  token.expires = kNow + absl::Hours(1);
  ASSERT_TRUE(store->PutToken(token).ok());
  EXPECT_TRUE(store->UseToken("T1", kNow).ok());
  EXPECT_TRUE(
      absl::IsFailedPrecondition(store->UseToken("T1", kNow + absl::Hours(2))));
  EXPECT_TRUE(store->UseToken("T1", kNow).ok());
  EXPECT_THAT(std::string(store->UseToken("T1", kNow).message()),
              testing::HasSubstr("no uses left"));
  EXPECT_TRUE(absl::IsNotFound(store->UseToken("T2", kNow)));
}

TEST(AccountStoreTest, ALockOutOutlivesARestart) {
  Scratch scratch;
  Account account;
  account.name = "a.patel";
  account.role = Role::kDeputy;
  account.failures = 5;
  account.locked_until = kNow;
  {
    auto store = OpenSqliteAccountStore(scratch.File("main.sqlite")).value();
    ASSERT_TRUE(store->Put(account).ok());
  }
  auto store = OpenSqliteAccountStore(scratch.File("main.sqlite")).value();
  const Account back = store->Get("a.patel").value();
  EXPECT_EQ(back.role, Role::kDeputy);
  EXPECT_EQ(back.failures, 5u);
  EXPECT_EQ(back.locked_until, kNow);
  EXPECT_EQ(store->All()->size(), 1u);
  EXPECT_TRUE(absl::IsNotFound(store->Get("b.jones").status()));
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
