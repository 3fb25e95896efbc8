// A collector that is killed again and again, as a process of its own.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <set>

#include "collector/cli/backup.h"
#include "collector/cli/child_collector.h"
#include "collector/cli/load.h"
#include "collector/store/alert_store.h"
#include "collector/store/event_store.h"
#include "collector/store/scratch_test.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr uint32_t kTrier = 7;  // the simulated person who keeps trying

std::string Program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() /
         "schoolgate-collector";
}

std::vector<StoredEvent> Stored(const DataDirectory& directory) {
  const auto store = OpenSqliteEventStoreToRead(directory.Events()).value();
  uint64_t cursor = 0;
  return store->ReadAfter(0, 1'000'000, &cursor).value();
}

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    auto child = ChildCollector::Start(Program(), scratch_.path());
    ASSERT_TRUE(child.ok()) << child.status();
    child_ = *std::move(child);
    home_ = child_->Home(1).value();
    identity_ = EnrolSimulated(home_, "laptop").value();
    LoadPlan plan;
    plan.events_per_day = 500;
    plan.days = 4;
    plan.end = platform::SystemClock().Now();
    events_ = EventsOf(plan, kTrier);
    batches_ = SealBatches(identity_, kEpoch, events_, 10).value();
  }

  std::unique_ptr<SimulatedLink> Link() {
    home_.collector = child_->Home(1)->collector;
    SimulatedLink::Options options;
    options.epoch = kEpoch;
    options.contact_nonce = nonce_;
    options.now = platform::SystemClock().Now();
    options.linger = true;
    return std::make_unique<SimulatedLink>(
        OpenSimulatedChannel(home_, &identity_), batches_, options);
  }

  static constexpr uint64_t kEpoch = 6;
  Scratch scratch_;
  std::unique_ptr<ChildCollector> child_;
  SimulatedHome home_;
  SimulatedIdentity identity_;
  std::vector<v1::Event> events_;
  std::vector<SealedBatch> batches_;
  std::string nonce_;
};

TEST_F(KillTest, WhatWasAcknowledgedIsThereOnceAndTheAlertComes) {
  std::mt19937 random(20261122);
  uint64_t owed = 0;  // acknowledged: the collector must never lose it
  for (int round = 0; round < 12; ++round) {
    const auto link = Link();
    ASSERT_TRUE(link->WaitWelcome(kPatience)) << link->status().error_message();
    EXPECT_GE(link->acknowledged_sequence(), owed) << "round " << round;
    nonce_ = link->next_nonce();
    const uint64_t target =
        std::min<uint64_t>(events_.size(), owed + random() % 150);
    while (link->acknowledged_sequence() < target) {
      ASSERT_FALSE(link->WaitEnd(absl::Milliseconds(1)));
    }
    child_->Kill();
    ASSERT_TRUE(link->WaitEnd(kPatience));
    owed = std::max(owed, link->acknowledged_sequence());
    const absl::Status again = child_->StartAgain();
    ASSERT_TRUE(again.ok()) << again;
  }
  ASSERT_TRUE(Link()->WaitAll(kPatience));
  const auto alerts = OpenSqliteAlertStore(child_->directory().Main()).value();
  EXPECT_GT(alerts->WaitForChange(0, kPatience), 0u) << "no alert was raised";
  EXPECT_EQ(child_->Terminate(), 0);
  std::set<uint64_t> sequences;
  const std::vector<StoredEvent> stored = Stored(child_->directory());
  for (const StoredEvent& event : stored) {
    sequences.insert(event.event.sequence());
  }
  EXPECT_EQ(stored.size(), events_.size());
  EXPECT_EQ(sequences.size(), events_.size());
}

TEST_F(KillTest, ABackupTakenWhileRunningCarriesOnElsewhere) {
  {
    const auto link = Link();
    ASSERT_TRUE(link->WaitAll(kPatience));
    nonce_ = link->next_nonce();
  }
  Scratch other;
  const std::string copy = other.File("backup"), data = other.File("data");
  const auto backed_up =
      BackUp(child_->directory(), copy, platform::SystemClock().Now());
  ASSERT_TRUE(backed_up.ok()) << backed_up.status();
  EXPECT_FALSE(std::filesystem::exists(copy + "/take-away"));
  {
    const auto link = Link();  // a contact that the backup knows nothing of
    ASSERT_TRUE(link->WaitWelcome(kPatience));
    nonce_ = link->next_nonce();
  }
  child_.reset();
  EXPECT_FALSE(Restore(copy, {scratch_.path()}).ok()) << "not over the old one";
  ASSERT_TRUE(Restore(copy, {data}).ok());
  auto restored = ChildCollector::Start(Program(), data);
  ASSERT_TRUE(restored.ok()) << restored.status();
  child_ = *std::move(restored);
  const auto link = Link();
  ASSERT_TRUE(link->WaitAll(kPatience)) << link->status().error_message();
  child_->Terminate();
  EXPECT_EQ(Stored({data}).size(), events_.size());
}

TEST(LoadTest, ASeedMakesTheSameFleetEachTime) {
  LoadPlan plan;
  plan.end = absl::FromUnixSeconds(1'795'424'400);
  const auto once = EventsOf(plan, 3), twice = EventsOf(plan, 3);
  ASSERT_EQ(once.size(), plan.events_per_day);
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].SerializeAsString(), twice[i].SerializeAsString());
  }
  plan.seed = 2;
  EXPECT_NE(EventsOf(plan, 3)[0].SerializeAsString(),
            once[0].SerializeAsString());
}

// They come back at once, while the alerts of what they had sent are made.
TEST(FleetTest, AllComeBackToACollectorThatWasKilledAndNothingIsLost) {
  Scratch scratch;
  auto child = ChildCollector::Start(Program(), scratch.path());
  ASSERT_TRUE(child.ok()) << child.status();
  LoadPlan plan;
  plan.devices = 120;
  plan.events_per_day = 200;
  plan.batch_events = 20;
  plan.end = platform::SystemClock().Now();
  const auto result = RunLoad((*child)->Home(2 * plan.devices).value(), plan,
                              [&]() -> absl::StatusOr<std::string> {
                                (*child)->Kill();
                                const absl::Status started =
                                    (*child)->StartAgain();
                                if (!started.ok()) return started;
                                return (*child)->address();
                              });
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->links_failed, 0u) << result->first_failure;
  EXPECT_GE(result->links_opened, 2 * plan.devices);
  (*child)->Terminate();
  std::set<std::pair<std::string, uint64_t>> once;
  const std::vector<StoredEvent> stored = Stored((*child)->directory());
  for (const StoredEvent& event : stored) {
    EXPECT_TRUE(once.emplace(event.device, event.event.sequence()).second);
  }
  EXPECT_EQ(stored.size(), result->events);
}

}  // namespace
}  // namespace schoolgate::collector
