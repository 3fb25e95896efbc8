#include "agent/health/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

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
    fs::create_directories(folder_ + "/run");
    std::ofstream(folder_ + "/etc/hosts") << "127.0.0.1 localhost\n";
  }
  ~HealthTest() override { fs::remove_all(folder_); }

  std::unique_ptr<Health> Start(const std::string& boot = "boot-1") {
    SelfTestWorld world;
    world.blocks = [](const std::string&) { return true; };
    world.saw = [this](const std::string&) { return sees_; };
    world.expect = [](std::set<std::string>) {};
    HealthOptions options;
    options.state_directory = folder_;
    options.boot_id = boot;
    options.root = folder_;
    options.run_directory = folder_ + "/run";
    auto health = std::make_unique<Health>(options, std::move(world));
    health->SetSink(&list_);
    return health;
  }

  void Tick(Health& health, absl::Duration by = absl::Seconds(11)) {
    up_ += by;
    health.Tick(wall_ + up_, up_, /*enforcing=*/false, "rules-1");
  }

  std::string folder_;
  List list_;
  bool sees_ = true;
  absl::Time wall_ = absl::FromUnixSeconds(1'790'000'000);
  absl::Duration up_ = absl::Minutes(5);
};

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

// Somebody stops the agent, browses, and starts it again.
TEST_F(HealthTest, AStopIsToldByTheAgentAndByTheNext) {
  auto health = Start();
  Tick(*health);
  health->End(wall_ + up_, up_, /*machine_goes_down=*/false);
  EXPECT_THAT(list_.Tampers(), ElementsAre("service_stopping"));
  up_ += absl::Minutes(10);
  auto next = Start();
  Tick(*next);
  EXPECT_THAT(list_.Tampers(),
              ElementsAre("service_stopping", "service_stopped"));
}

// Every evening and every update would be an alert.
TEST_F(HealthTest, SwitchingOffAndUpdatingAreNoTampering) {
  auto health = Start();
  Tick(*health);
  health->End(wall_ + up_, up_, /*machine_goes_down=*/true);
  auto next_day = Start("boot-2");
  up_ = absl::Seconds(5);
  Tick(*next_day);
  next_day->End(wall_ + up_, up_, /*machine_goes_down=*/true);
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
  wall_ -= absl::Hours(24);
  Tick(*health);
  EXPECT_THAT(list_.Tampers(), ElementsAre("clock_step"));
}

// What happened before the device was enrolled, or while nothing could be
// stored, must not be lost.
TEST_F(HealthTest, WhatHappenedBeforeThereWasASinkIsToldLater) {
  auto health = Start();
  health->SetSink(nullptr);
  Tick(*health);
  std::ofstream(folder_ + "/etc/hosts") << "198.51.100.9 www.example.org\n";
  Tick(*health);
  EXPECT_THAT(list_.Tampers(), IsEmpty());
  health->SetSink(&list_);
  Tick(*health);
  EXPECT_THAT(list_.Tampers(), ElementsAre("hosts_file"));
}

TEST_F(HealthTest, ANetworkThatHadToBeOpenedIsTold) {
  std::ofstream(folder_ + "/run/network-open") << "1790000000\n";
  auto health = Start();
  Tick(*health);
  EXPECT_THAT(list_.Tampers(), ElementsAre("network_opened"));
  EXPECT_FALSE(fs::exists(folder_ + "/run/network-open"));
}

// A school must be able to show that the filter is checked.
TEST_F(HealthTest, TestsAtTheStartAndAfterNewRulesAndSaysWhatFailed) {
  auto health = Start();
  Tick(*health);
  Tick(*health);
  EXPECT_EQ(health->selftest(), "pass");
  const auto tests = [this] {
    return std::count_if(
        list_.events.begin(), list_.events.end(),
        [](const v1::Event& event) { return event.has_self_test(); });
  };
  EXPECT_EQ(tests(), 1);
  Tick(*health);
  EXPECT_EQ(tests(), 1);
  sees_ = false;
  up_ += absl::Seconds(11);
  health->Tick(wall_ + up_, up_, false, "rules-2");
  up_ += absl::Seconds(11);
  health->Tick(wall_ + up_, up_, false, "rules-2");
  EXPECT_EQ(tests(), 2);
  EXPECT_EQ(health->selftest(), "fail: sees names");
  EXPECT_EQ(list_.events.back().self_test().place(), v1::PLACE_ONSITE);
}

}  // namespace
}  // namespace schoolgate::agent
