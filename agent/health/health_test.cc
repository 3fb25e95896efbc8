#include "agent/health/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "platform/name_question.h"

namespace schoolgate::agent {
namespace {

namespace fs = std::filesystem;

class List : public EventSink {
 public:
  void Emit(v1::Event event) override { events.push_back(std::move(event)); }
  std::vector<std::string> Tampers() const {
    std::vector<std::string> kinds;
    for (const v1::Event& event : events) {
      if (event.has_tamper()) kinds.push_back(event.tamper().kind());
    }
    return kinds;
  }
  std::vector<v1::Event> events;
};

class HealthTest : public testing::Test {
 protected:
  HealthTest() {
    char name[] = "/tmp/schoolgate-health-XXXXXX";
    folder_ = mkdtemp(name);
    fs::create_directories(folder_ + "/etc");
    std::ofstream(folder_ + "/etc/hosts") << "127.0.0.1 localhost\n";
    incidents_.SendTo(&list_);
  }
  ~HealthTest() override { fs::remove_all(folder_); }

  std::unique_ptr<Health> Start(const std::string& boot = "boot-1",
                                const std::string& last_end = "") {
    FilterCheckWorld world;
    world.blocks = [](const std::string&) { return true; };
    world.saw = [this](const std::string&) { return sees_; };
    world.refused = [](const std::string&) { return true; };
    return std::make_unique<Health>(HealthOptions{.state_directory = folder_,
                                                  .boot_id = boot,
                                                  .root = folder_,
                                                  .last_end = last_end,
                                                  .opened_mark = Mark()},
                                    std::move(world), incidents_);
  }

  // Until what is read of files by then has been told.
  void Tick(Health& health, absl::Duration by = absl::Seconds(11)) {
    clock_.Advance(by);
    do {
      health.Tick(clock_.Now(), clock_.SinceBoot(), {.has_rules = true});
      platform::Pause(absl::Milliseconds(1));
    } while (health.looking());
  }

  void End(Health& health, bool machine_goes_down) {
    health.End(clock_.SinceBoot(), machine_goes_down);
  }

  std::string Mark() const { return folder_ + "/network-opened"; }

  size_t Tests() const {
    return static_cast<size_t>(std::count_if(
        list_.events.begin(), list_.events.end(),
        [](const v1::Event& event) { return event.has_self_test(); }));
  }

  std::string folder_;
  List list_;
  bool sees_ = true;
  platform::ManualClock clock_{absl::FromUnixSeconds(1'790'000'000)};
  Incidents incidents_{clock_, v1::PLACE_ONSITE};
};

using testing::ElementsAre;
using testing::IsEmpty;

// Somebody stops the agent, browses, and starts it again.
TEST_F(HealthTest, AStopIsToldByTheAgentAndByTheNext) {
  auto health = Start();
  Tick(*health);
  End(*health, /*machine_goes_down=*/false);
  EXPECT_THAT(list_.Tampers(), ElementsAre("service_stopping"));
  clock_.Advance(absl::Minutes(10));
  auto next = Start();
  Tick(*next);
  EXPECT_THAT(list_.Tampers(),
              ElementsAre("service_stopping", "service_stopped"));
}

// Every evening and every update would be an alert.
TEST_F(HealthTest, SwitchingOffAndUpdatingAreNoTampering) {
  auto health = Start();
  Tick(*health);
  End(*health, /*machine_goes_down=*/true);
  auto next_day = Start("boot-2");
  Tick(*next_day);
  End(*next_day, /*machine_goes_down=*/true);
  auto updated = Start("boot-2");
  Tick(*updated, absl::Seconds(1));
  EXPECT_THAT(list_.Tampers(), IsEmpty());
}

TEST_F(HealthTest, AKillIsToldByTheNext) {
  {
    auto health = Start();
    Tick(*health);
  }
  auto next = Start();
  Tick(*next);
  EXPECT_THAT(list_.Tampers(), ElementsAre("agent_killed"));
}

TEST_F(HealthTest, AStepOfTheClockIsToldAndSleepIsNot) {
  auto health = Start();
  Tick(*health);
  Tick(*health, absl::Hours(9));  // asleep: both clocks moved
  EXPECT_THAT(list_.Tampers(), IsEmpty());
  clock_.SetWall(clock_.Now() - absl::Hours(24));
  Tick(*health);
  EXPECT_THAT(list_.Tampers(), ElementsAre("clock_step"));
}

// What happened before the device was enrolled, or while nothing could be
// stored, must not be lost.
TEST_F(HealthTest, WhatHappenedBeforeThereWasASinkIsToldLater) {
  auto health = Start();
  incidents_.SendTo(nullptr);
  Tick(*health);
  std::ofstream(folder_ + "/etc/hosts") << "198.51.100.9 www.example.org\n";
  Tick(*health);
  EXPECT_THAT(list_.Tampers(), IsEmpty());
  incidents_.SendTo(&list_);
  Tick(*health);
  EXPECT_THAT(list_.Tampers(), ElementsAre("hosts_file"));
}

// Told by the keeper and by the note: it is one killing.
TEST_F(HealthTest, AKillThatTheKeeperSawIsToldOnce) {
  {
    auto health = Start();
    Tick(*health);
  }
  auto next = Start("boot-1", "killed");
  Tick(*next);
  EXPECT_THAT(list_.Tampers(), ElementsAre("agent_killed"));
}

// A fault of ours must not read as if somebody had attacked the device.
TEST_F(HealthTest, ACrashIsAFailedTestAndNoTampering) {
  {
    auto health = Start();
    Tick(*health);
  }
  auto next = Start("boot-1", "crashed");
  Tick(*next);
  EXPECT_THAT(list_.Tampers(), IsEmpty());
  const auto told = std::find_if(
      list_.events.begin(), list_.events.end(), [](const v1::Event& event) {
        return event.has_self_test() && !event.self_test().passed();
      });
  ASSERT_NE(told, list_.events.end());
  EXPECT_EQ(told->self_test().what(), "agent");
}

// The mark stays until somebody could be told.
TEST_F(HealthTest, ANetworkThatHadToBeOpenedIsTold) {
  std::ofstream(Mark()) << "the agent could not start three times\n";
  incidents_.SendTo(nullptr);
  auto health = Start();
  Tick(*health);
  EXPECT_TRUE(fs::exists(Mark()));
  incidents_.SendTo(&list_);
  Tick(*health);
  EXPECT_THAT(list_.Tampers(), ElementsAre("network_opened"));
  EXPECT_FALSE(fs::exists(Mark()));
}

// A school must be able to show that the filter is checked.
TEST_F(HealthTest, TestsAtTheStartAndAfterNewRulesAndSaysWhatFailed) {
  auto health = Start();
  Tick(*health);
  Tick(*health);
  EXPECT_EQ(health->selftest(), "pass");
  EXPECT_EQ(Tests(), 1u);
  EXPECT_EQ(list_.events.back().self_test().place(), v1::PLACE_ONSITE);
  Tick(*health);
  EXPECT_EQ(Tests(), 1u);
  sees_ = false;
  health->TestAt(clock_.SinceBoot());
  Tick(*health);
  Tick(*health);
  EXPECT_EQ(Tests(), 2u);
  EXPECT_EQ(health->selftest(), "fail: sees names");
  // Looked at each minute and told when it changes.
  for (int minute = 0; minute < 10; ++minute) Tick(*health, absl::Minutes(1));
  EXPECT_EQ(Tests(), 2u);
  sees_ = true;
  Tick(*health, absl::Minutes(2));
  Tick(*health);
  EXPECT_EQ(Tests(), 3u);
  EXPECT_EQ(health->selftest(), "pass");
  Tick(*health, Health::kTestEvery);
  Tick(*health);
  EXPECT_EQ(Tests(), 4u);
}

// Before there are rules nothing can be tested.
TEST_F(HealthTest, WithoutRulesThereIsNoTest) {
  auto health = Start();
  clock_.Advance(absl::Seconds(11));
  health->Tick(clock_.Now(), clock_.SinceBoot(), {.has_rules = false});
  clock_.Advance(absl::Seconds(11));
  health->Tick(clock_.Now(), clock_.SinceBoot(), {.has_rules = false});
  EXPECT_EQ(health->selftest(), "");
  EXPECT_EQ(Tests(), 0u);
}

}  // namespace
}  // namespace schoolgate::agent
