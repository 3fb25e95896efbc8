// What every store of alerts, audit entries, devices and accounts must do. A
// test program includes this once and says at its end which it means.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "collector/store/account_store.h"
#include "collector/store/agreement_store.h"
#include "collector/store/alert_store.h"
#include "collector/store/attachment_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"
#include "collector/store/feed_store.h"
#include "collector/store/held_events.h"
#include "collector/store/identity_store.h"
#include "collector/store/scratch_test.h"
#include "collector/store/second_factor_store.h"

namespace schoolgate::collector {
namespace {

// Opens the stores of a place; a place is what two processes may share. Two
// calls for one place give two openings of the same.
struct SmallStoresKind {
  std::string name;
  std::function<std::unique_ptr<AlertStore>(const std::string& place)> alerts;
  std::function<std::unique_ptr<AuditLog>(const std::string& place)> audit;
  std::function<std::unique_ptr<DeviceStore>(const std::string& place)> devices;
  std::function<std::unique_ptr<AccountStore>(const std::string& place)>
      accounts;
  std::function<std::unique_ptr<HeldEvents>(const std::string& place)> held;
  std::function<std::unique_ptr<FeedStore>(const std::string& place)> feeds;
  std::function<std::unique_ptr<SecondFactorStore>(const std::string& place)>
      second_factors;
  std::function<std::unique_ptr<AgreementStore>(const std::string& place)>
      agreements;
  std::function<std::unique_ptr<IdentityStore>(const std::string& place)>
      identities;
  std::function<std::unique_ptr<AttachmentStore>(const std::string& place)>
      attachments;
};

class SmallStoresTest : public testing::TestWithParam<SmallStoresKind> {
 protected:
  std::unique_ptr<AlertStore> Alerts() {
    return GetParam().alerts(scratch_.path());
  }
  std::unique_ptr<AuditLog> Audit() {
    return GetParam().audit(scratch_.path());
  }
  std::unique_ptr<DeviceStore> Devices() {
    return GetParam().devices(scratch_.path());
  }
  std::unique_ptr<AccountStore> Accounts() {
    return GetParam().accounts(scratch_.path());
  }
  std::unique_ptr<HeldEvents> Held() {
    return GetParam().held(scratch_.path());
  }
  std::unique_ptr<FeedStore> Feeds() {
    return GetParam().feeds(scratch_.path());
  }
  std::unique_ptr<SecondFactorStore> SecondFactors() {
    return GetParam().second_factors(scratch_.path());
  }
  std::unique_ptr<AgreementStore> Agreements() {
    return GetParam().agreements(scratch_.path());
  }
  std::unique_ptr<IdentityStore> Identities() {
    return GetParam().identities(scratch_.path());
  }
  std::unique_ptr<AttachmentStore> Attachments() {
    return GetParam().attachments(scratch_.path());
  }

  Scratch scratch_;
};

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

TEST_P(SmallStoresTest, EventsUnderAHoldAreKeptOncePerAlertAndDropped) {
  auto store = Held();
  std::vector<StoredEvent> events(2);
  for (uint64_t i = 0; i < events.size(); ++i) {
    events[i].school = "oak";
    events[i].device = "D-1";
    events[i].epoch = 7;
    events[i].event.set_sequence(2 - i);
    events[i].happened = events[i].received = kNow;
  }
  ASSERT_TRUE(store->Keep(3, events).ok());
  events[0].school = "elm";
  ASSERT_TRUE(store->Keep(3, events).ok());
  ASSERT_TRUE(store->Keep(4, events).ok());
  const std::vector<StoredEvent> kept = store->Of(3).value();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].event.sequence(), 1u);
  EXPECT_EQ(kept[1].school, "oak") << "what is kept stays as it is";
  EXPECT_EQ(kept[1].happened, kNow);
  ASSERT_TRUE(store->Drop(3).ok());
  EXPECT_TRUE(store->Of(3)->empty());
  EXPECT_EQ(store->Of(4)->size(), 2u);
}

TEST_P(SmallStoresTest, AFeedGoesOnWhereItWasAndBackToWhatItGaveUp) {
  auto store = Feeds();
  EXPECT_TRUE(absl::IsNotFound(store->Progress("webhook/a").status()));
  FeedProgress progress;
  progress.name = "webhook/a";
  progress.cursor = 20;
  progress.dead = 2;
  progress.last_error = "no route";
  ASSERT_TRUE(store->Put(progress).ok());
  for (const uint64_t revision : {9u, 12u}) {
    ASSERT_TRUE(store
                    ->Bury({.name = "webhook/a",
                            .alert = 1,
                            .revision = revision,
                            .time = kNow,
                            .why = "no route"})
                    .ok());
  }
  ASSERT_EQ(store->Dead("webhook/a")->size(), 2u);
  EXPECT_EQ(store->Dead("webhook/a")->front().revision, 9u);
  EXPECT_TRUE(store->Dead("webhook/b")->empty());
  ASSERT_TRUE(store->Redeliver("webhook/a").ok());
  EXPECT_TRUE(store->Dead("webhook/a")->empty());
  progress = Feeds()->Progress("webhook/a").value();
  EXPECT_EQ(progress.cursor, 8u);
  EXPECT_EQ(progress.dead, 0u);
  EXPECT_EQ(progress.last_error, "no route");
  EXPECT_EQ(progress.last_sent, absl::InfinitePast());
  ASSERT_TRUE(store->Redeliver("webhook/a").ok());
  EXPECT_EQ(store->All()->front().cursor, 8u) << "nothing was dead";
}

TEST_P(SmallStoresTest, AFeedRemembersWhatItToldAndWhoMayFetch) {
  auto store = Feeds();
  ASSERT_TRUE(store->Mark("mail/lead", "urgent 3").ok());
  ASSERT_TRUE(store->Mark("mail/lead", "urgent 3").ok());
  EXPECT_TRUE(store->Marked("mail/lead", "urgent 3").value());
  EXPECT_FALSE(store->Marked("mail/head", "urgent 3").value());
  FeedToken token{
      .id = "t1", .secret_hash = "h", .account = "lead", .made = kNow};
  ASSERT_TRUE(store->PutToken(token).ok());
  token.withdrawn = true;
  ASSERT_TRUE(store->PutToken(token).ok());
  EXPECT_TRUE(Feeds()->Token("t1")->withdrawn);
  EXPECT_EQ(Feeds()->Token("t1")->made, kNow);
  EXPECT_TRUE(absl::IsNotFound(store->Token("t2").status()));
}

TEST_P(SmallStoresTest, ACodeIsTakenOnceWhoeverTries) {
  auto store = SecondFactors();
  EXPECT_TRUE(absl::IsNotFound(store->Get("lead").status()));
  ASSERT_TRUE(store
                  ->Put({.account = "lead",
                         .secret = std::string("a\0b", 3),
                         .last_step = 5,
                         .recovery_hashes = {"one", "two"}})
                  .ok());
  EXPECT_FALSE(store->TakeStep("lead", 5).value());
  std::atomic<int> steps{0}, recoveries{0};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto own = SecondFactors();
      if (own->TakeStep("lead", 6).value()) ++steps;
      if (own->TakeRecovery("lead", "one").value()) ++recoveries;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(steps, 1);
  EXPECT_EQ(recoveries, 1);
  const SecondFactor left = store->Get("lead").value();
  EXPECT_EQ(left.secret, std::string("a\0b", 3));
  EXPECT_EQ(left.recovery_hashes, std::vector<std::string>{"two"});
  ASSERT_TRUE(store->Remove("lead").ok());
  EXPECT_TRUE(absl::IsNotFound(store->Get("lead").status()));
}

TEST_P(SmallStoresTest, APersonOfTheDirectoryIsBoundOnceWhoeverTries) {
  auto store = Identities();
  EXPECT_TRUE(absl::IsNotFound(store->ByEmail("a@oak.test").status()));
  ASSERT_TRUE(store->Put({"lead", "a@oak.test", "", ""}).ok());
  ASSERT_TRUE(store->Put({"head", "h@oak.test", "", ""}).ok());
  std::atomic<int> bound{0};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      auto own = Identities();
      if (own->Bind({"lead", "a@oak.test", "https://idp.test",
                     "s" + std::to_string(i)})
              .value()) {
        ++bound;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bound, 1);
  const Identity lead = store->ByEmail("a@oak.test").value();
  EXPECT_TRUE(lead.bound());
  EXPECT_EQ(store->BySubject("https://idp.test", lead.subject).value(), lead);
  EXPECT_TRUE(absl::IsNotFound(
      store->BySubject("https://other.test", lead.subject).status()));
  // An address that was changed meanwhile binds nothing.
  EXPECT_FALSE(
      store->Bind({"head", "old@oak.test", "https://idp.test", "h"}).value());
}

TEST_P(SmallStoresTest, APersonOfTheDirectoryHasOneAccount) {
  auto store = Identities();
  const Identity lead{"lead", "a@oak.test", "https://idp.test", "7"};
  ASSERT_TRUE(store->Put(lead).ok());
  EXPECT_TRUE(
      absl::IsAlreadyExists(store->Put({"head", "a@oak.test", "", ""})));
  EXPECT_TRUE(
      absl::IsAlreadyExists(store->Put({"head", "", "https://idp.test", "7"})));
  EXPECT_TRUE(store->Put({"head", "", "https://other.test", "7"}).ok());
  // Nobody in particular is not one person.
  EXPECT_TRUE(store->Put({"dpo", "", "", ""}).ok());
  EXPECT_TRUE(store->Put({"it", "", "", ""}).ok());
  EXPECT_FALSE(store->BySubject("", "").ok());
  EXPECT_FALSE(store->ByEmail("").ok());
  EXPECT_EQ(Identities()->All()->size(), 4u);
  ASSERT_TRUE(store->Remove("lead").ok());
  EXPECT_FALSE(Identities()->ByEmail("a@oak.test").ok());
}

TEST_P(SmallStoresTest, AttachmentsComeBackWholeAndGoWithTheirAlert) {
  auto alerts = Alerts();
  const uint64_t id =
      alerts->Put(Sample(v1::SEVERITY_SERIOUS, 5'000'000))->id();
  auto store = Attachments();
  Attachment one{
      .id = (1ull << 48) - 1,
      .alert = id,
      .name = std::string("n\0m", 3),
      .type = "image/png",
      .bytes = 3,
      .hash = "abcd",
      .added_by = "lead",
      .added = kNow,
      .sealed = std::string("\0\xff\1", 3) + std::string(5 << 20, 's')};
  ASSERT_TRUE(store->Put(one).ok());
  EXPECT_FALSE(store->Put(one).ok()) << "one number, one file";
  EXPECT_EQ(Attachments()->Get(one.id).value(), one);
  Attachment orphan = one;
  orphan.id = 7;
  orphan.alert = id + 1;
  ASSERT_TRUE(store->Put(orphan).ok());
  one.sealed.clear();
  EXPECT_EQ(Attachments()->Of(id).value(), std::vector<Attachment>{one});
  EXPECT_EQ(store->DropOrphans().value(), 1u);
  EXPECT_TRUE(absl::IsNotFound(Attachments()->Get(7).status()));
  ASSERT_TRUE(store->Remove(one.id).ok());
  EXPECT_TRUE(Attachments()->Of(id)->empty());
}

AuditEntry Entry(const std::string& who) {
  AuditEntry entry;
  entry.time = kNow;
  entry.who = who;
  entry.action = "view_alert";
  entry.about = "12";
  return entry;
}

TEST_P(SmallStoresTest, TwoProcessesMakeOneChain) {
  auto here = Audit();
  auto there = Audit();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(here->Append(Entry("a")).ok());
    ASSERT_TRUE(there->Append(Entry("b")).ok());
  }
  EXPECT_TRUE(here->Verify().ok());
  EXPECT_EQ(here->Read(8, 100)->size(), 2u);
}

TEST_P(SmallStoresTest, ADeviceComesBackWhole) {
  auto store = Devices();
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

TEST_P(SmallStoresTest, AContactDoesNotUndoABanMadeMeanwhile) {
  auto store = Devices();
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

TEST_P(SmallStoresTest, ATokenGivesExactlyItsUsesAndThenSaysWhyNot) {
  auto store = Devices();
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

TEST_P(SmallStoresTest, ALockOutOutlivesARestart) {
  Account account;
  account.name = "a.patel";
  account.role = Role::kDeputy;
  account.failures = 5;
  account.locked_until = kNow;
  {
    auto store = Accounts();
    ASSERT_TRUE(store->Put(account).ok());
  }
  auto store = Accounts();
  const Account back = store->Get("a.patel").value();
  EXPECT_EQ(back.role, Role::kDeputy);
  EXPECT_EQ(back.failures, 5u);
  EXPECT_EQ(back.locked_until, kNow);
  EXPECT_EQ(store->All()->size(), 1u);
  EXPECT_TRUE(absl::IsNotFound(store->Get("b.jones").status()));
}

// What a device or a person wrote may hold any byte; a store that changes one
// breaks signatures, and one that refuses it loses the device.
TEST_P(SmallStoresTest, EveryByteComesBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  auto devices = Devices();
  Device device;
  device.id = "D-1";
  device.hostname = bytes;
  device.signing_key = bytes;
  device.contact_nonce = bytes;
  ASSERT_TRUE(devices->Put(device).ok());
  EXPECT_EQ(devices->Get("D-1")->hostname, bytes);
  EXPECT_EQ(devices->Get("D-1")->contact_nonce, bytes);
  DeviceContact contact;
  contact.id = "D-1";
  contact.contact_nonce = bytes + bytes;
  ASSERT_TRUE(devices->RecordContacts(std::vector{contact}).ok());
  EXPECT_EQ(devices->Get("D-1")->contact_nonce, bytes + bytes);
  auto audit = Audit();
  AuditEntry entry = Entry("a");
  entry.detail = bytes;
  ASSERT_TRUE(audit->Append(entry).ok());
  EXPECT_EQ(audit->Read(0, 1)->front().detail, bytes);
  EXPECT_TRUE(audit->Verify().ok());
}

// Two collectors, or a collector and a command, at the same moment.
TEST_P(SmallStoresTest, ManyAtOnceLoseNothing) {
  constexpr int kThreads = 4, kEach = 10;
  {
    auto devices = Devices();
    EnrolToken token;
    token.id = "T1";
    token.uses_left = kThreads * kEach - 5;
    token.expires = kNow + absl::Hours(1);
    ASSERT_TRUE(devices->PutToken(token).ok());
    ASSERT_TRUE(Alerts()->Put(Sample(v1::SEVERITY_ROUTINE, 1)).ok());
    ASSERT_TRUE(Audit()->Append(Entry("first")).ok());
  }
  std::atomic<int> used{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      auto alerts = Alerts();
      auto audit = Audit();
      auto devices = Devices();
      for (int i = 0; i < kEach; ++i) {
        used += devices->UseToken("T1", kNow).ok();
        EXPECT_TRUE(audit->Append(Entry("a")).ok());
        const auto changed = alerts->Update(1, [](v1::Alert* alert) {
          alert->set_count(alert->count() + 1);
          return absl::OkStatus();
        });
        EXPECT_TRUE(changed.ok()) << changed.status();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(used, kThreads * kEach - 5);
  EXPECT_EQ(Alerts()->Get(1)->count(), static_cast<uint32_t>(kThreads * kEach));
  EXPECT_TRUE(Audit()->Verify().ok());
  EXPECT_EQ(Audit()->Read(0, 1000)->size(),
            static_cast<size_t>(kThreads * kEach) + 1);
}

}  // namespace
}  // namespace schoolgate::collector
