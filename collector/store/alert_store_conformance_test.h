// What every store of alerts must do; see small_stores_conformance_test.h.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "collector/store/alert_brief.h"
#include "collector/store/alert_store.h"
#include "collector/store/small_stores_conformance_test.h"

namespace schoolgate::collector {
namespace {

TEST_P(SmallStoresTest, TheFeedSeesEveryChangeOnceInOrder) {
  auto store = Alerts();
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
TEST_P(SmallStoresTest, OldClosedAlertsAreErasedOpenOnesStay) {
  auto store = Alerts();
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const auto put = [&](absl::Duration age, v1::AlertState state) {
    v1::Alert alert;
    alert.set_last_unix_us(absl::ToUnixMicros(now - age));
    alert.set_state(state);
    alert.set_school("oak");
    return store->Put(alert).value().id();
  };
  const uint64_t old_closed = put(absl::Hours(48), v1::ALERT_STATE_CLOSED);
  const uint64_t old_open = put(absl::Hours(48), v1::ALERT_STATE_NEW);
  const uint64_t new_closed = put(absl::Hours(1), v1::ALERT_STATE_CLOSED);
  EXPECT_EQ(store->Expire(now, absl::Hours(24), "elm").value(), 0u);
  EXPECT_TRUE(store->Get(old_closed).ok());
  EXPECT_EQ(store->Expire(now, absl::Hours(24), "oak").value(), 1u);
  EXPECT_FALSE(store->Get(old_closed).ok());
  EXPECT_TRUE(store->Get(old_open).ok());
  EXPECT_TRUE(store->Get(new_closed).ok());
}

// A report over a month would hold what was raised in another.
TEST_P(SmallStoresTest, WhatWasRaisedInATimeIsFoundByIt) {
  auto store = Alerts();
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const auto put = [&](absl::Duration age, const char* school) {
    v1::Alert alert = Sample(v1::SEVERITY_ROUTINE, absl::ToUnixMicros(now));
    alert.set_school(school);
    alert.set_raised_unix_us(absl::ToUnixMicros(now - age));
    return store->Put(alert).value().id();
  };
  put(absl::Hours(30), "oak");
  const uint64_t at_start = put(absl::Hours(24), "oak");
  const uint64_t within = put(absl::Hours(2), "oak");
  put(absl::Hours(1), "oak");
  put(absl::Hours(2), "elm");
  AlertQuery query;
  query.school = "oak";
  query.raised_from = now - absl::Hours(24);
  query.raised_to = now - absl::Hours(1);
  const auto found = store->Find(query).value();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].id(), within);
  EXPECT_EQ(found[1].id(), at_start);
  // Also after a change of it, and together with who it is about.
  ASSERT_TRUE(store
                  ->Update(within,
                           [](v1::Alert* alert) {
                             alert->set_state(v1::ALERT_STATE_CLOSED);
                             return absl::OkStatus();
                           })
                  .ok());
  query.subject = "P-7F3AQ2";
  EXPECT_EQ(store->Find(query)->size(), 2u);
  query.open_only = true;
  EXPECT_EQ(store->Find(query)->size(), 1u);
}

// Figures would count an alert as it was, twice, or one that is erased; and
// somebody whom only a note names would count the alert about themselves.
TEST_P(SmallStoresTest, WhatReportsCountFollowsEveryChange) {
  auto store = Alerts();
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const auto put = [&](absl::Duration age, const char* school) {
    v1::Alert alert =
        Sample(v1::SEVERITY_ROUTINE, absl::ToUnixMicros(now - age));
    alert.set_school(school);
    alert.set_raised_unix_us(absl::ToUnixMicros(now - age));
    return store->Put(alert).value().id();
  };
  const uint64_t id = put(absl::Hours(2), "oak");
  const uint64_t newer = put(absl::Hours(1), "oak");
  put(absl::Hours(40), "oak");
  put(absl::Hours(2), "elm");
  ASSERT_TRUE(store
                  ->Update(id,
                           [](v1::Alert* alert) {
                             alert->add_notes()->set_words("Sat by P-HEAD00.");
                             alert->mutable_incident()->set_where("Hall");
                             alert->set_state(v1::ALERT_STATE_CLOSED);
                             return absl::OkStatus();
                           })
                  .ok());
  AlertQuery query;
  query.school = "oak";
  query.raised_from = now - absl::Hours(24);
  query.raised_to = now;
  query.brief = true;
  const auto found = store->Find(query).value();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].id(), newer);
  EXPECT_EQ(found[1].SerializeAsString(),
            BriefOf(store->Get(id).value()).SerializeAsString());
  EXPECT_EQ(found[1].state(), v1::ALERT_STATE_CLOSED);
  EXPECT_EQ(found[1].incident().where(), "Hall");
  EXPECT_NE(found[1].sentence().find("P-HEAD00"), std::string::npos);
  EXPECT_EQ(found[1].notes_size(), 0);
  EXPECT_EQ(store->Expire(now, absl::Hours(1), "oak").value(), 1u);
  EXPECT_EQ(store->Find(query)->size(), 1u);
}

// A school under investigation must not lose what it was told to keep.
TEST_P(SmallStoresTest, WhatIsUnderALegalHoldStaysUntilItIsLifted) {
  auto store = Alerts();
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  v1::Alert alert = Sample(v1::SEVERITY_SERIOUS, 1);
  alert.set_state(v1::ALERT_STATE_CLOSED);
  alert.mutable_hold()->set_by("head");
  alert = store->Put(alert).value();
  ASSERT_TRUE(store->Put(Sample(v1::SEVERITY_SERIOUS, 2)).ok());
  AlertQuery query;
  query.held_only = true;
  ASSERT_EQ(store->Find(query)->size(), 1u);
  EXPECT_EQ(store->Expire(now, absl::Hours(24), "").value(), 0u);
  alert.clear_hold();
  ASSERT_TRUE(store->Put(alert).ok());
  EXPECT_TRUE(store->Find(query)->empty());
  EXPECT_EQ(store->Expire(now, absl::Hours(24), "").value(), 1u);
}

TEST_P(SmallStoresTest, TheWorstComesFirstThenTheNewest) {
  auto store = Alerts();
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

TEST_P(SmallStoresTest, AWaiterWakesForAChangeByAnotherProcess) {
  auto here = Alerts();
  auto there = Alerts();
  std::thread writer(
      [&] { ASSERT_TRUE(there->Put(Sample(v1::SEVERITY_ROUTINE, 1)).ok()); });
  EXPECT_EQ(here->WaitForChange(0, absl::Minutes(1)), 1u);
  writer.join();
  std::thread closer([&] { here->Close(); });
  EXPECT_EQ(here->WaitForChange(1, absl::Minutes(1)), 1u);
  closer.join();
}

TEST_P(SmallStoresTest, ARefusedUpdateChangesNothing) {
  auto store = Alerts();
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

}  // namespace
}  // namespace schoolgate::collector
