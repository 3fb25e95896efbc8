#include "collector/fleet/rollout.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

class RolloutTest : public testing::Test {
 protected:
  RolloutTest() {
    rollout_.bundle = {12, std::string(32, 'h'), 1000};
    rollout_.canary = "D-0";
    rollout_.since = now_;
    for (int i = 0; i < 1000; ++i) {
      Device device;
      device.id = absl::StrCat("D-", i);
      device.heartbeat.set_bundle_version(11);
      device.heartbeat.set_rules_judged(1000);
      device.heartbeat.set_rules_blocked(50);
      device.heartbeat_time = now_ + absl::Minutes(1);
      devices_.push_back(device);
    }
  }
  v1::Heartbeat& Beat(int device) { return devices_[device].heartbeat; }
  Step Next(absl::Duration later) {
    return NextStep(rollout_, ReportOn(rollout_, devices_), now_ + later,
                    &why_);
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  Rollout rollout_;
  std::vector<Device> devices_;
  std::string why_;
};

TEST_F(RolloutTest, RingsGrowFromOneDeviceToAboutOneInTwentyToAll) {
  const auto count = [this] { return ReportOn(rollout_, devices_).devices; };
  EXPECT_EQ(count(), 1u);
  rollout_.ring = Ring::kFew;
  EXPECT_TRUE(InRing(rollout_, "D-0"));
  EXPECT_GT(count(), 20u);
  EXPECT_LT(count(), 90u);
  rollout_.ring = Ring::kAll;
  EXPECT_EQ(count(), 1000u);
  devices_[7].state = DeviceState::kDecommissioned;
  EXPECT_EQ(count(), 999u);
}

// A release must not go on because nobody was there to be harmed by it.
TEST_F(RolloutTest, GoesOnOnlyWhenTheRingHasItAndItsTimeIsOver) {
  EXPECT_EQ(Next(absl::Hours(5)), Step::kWait);
  Beat(0).set_bundle_version(12);
  EXPECT_EQ(Next(absl::Minutes(29)), Step::kWait);
  EXPECT_EQ(Next(absl::Minutes(30)), Step::kGoOn);
  rollout_.paused = true;
  EXPECT_EQ(Next(absl::Hours(5)), Step::kWait);
}

TEST_F(RolloutTest, HaltsWhenADeviceOfTheRingIsInTrouble) {
  Beat(3).set_rules_trouble("refused something else");
  EXPECT_EQ(Next(absl::Minutes(5)), Step::kWait) << "not of the ring";
  Beat(0).set_rules_trouble("put back: blocks login.example");
  devices_[0].heartbeat_time = now_ - absl::Minutes(1);
  EXPECT_EQ(Next(absl::Minutes(5)), Step::kWait) << "told before the release";
  devices_[0].heartbeat_time = now_ + absl::Minutes(1);
  EXPECT_EQ(Next(absl::Minutes(5)), Step::kHalt);
  EXPECT_NE(why_.find("login.example"), std::string::npos) << why_;
}

TEST_F(RolloutTest, HaltsWhenFarMoreIsRefusedThanElsewhere) {
  Beat(0).set_bundle_version(12);
  Beat(0).set_rules_judged(150);
  Beat(0).set_rules_blocked(150);
  EXPECT_EQ(Next(absl::Minutes(5)), Step::kWait) << "too few to tell";
  Beat(0).set_rules_judged(400);
  Beat(0).set_rules_blocked(50);
  EXPECT_EQ(Next(absl::Minutes(5)), Step::kWait) << "12 of 100, not a jump";
  Beat(0).set_rules_blocked(80);
  EXPECT_EQ(Next(absl::Minutes(5)), Step::kHalt);
  EXPECT_EQ(why_, "refuses 20 of 100 names; other devices 5");
}

TEST_F(RolloutTest, IsKeptAsText) {
  rollout_.ring = Ring::kFew;
  rollout_.paused = true;
  rollout_.why = "a reason = with\nlines";
  rollout_.fallback = {13, std::string(32, 'f'), 900};
  const auto read = ReadRollout(RolloutText(rollout_));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->bundle.version, 12u);
  EXPECT_EQ(read->bundle.hash, rollout_.bundle.hash);
  EXPECT_EQ(read->ring, Ring::kFew);
  EXPECT_EQ(read->since, rollout_.since);
  EXPECT_EQ(read->canary, "D-0");
  EXPECT_TRUE(read->paused);
  EXPECT_EQ(read->why, "a reason = with lines");
  EXPECT_EQ(read->fallback.version, 13u);
  EXPECT_FALSE(ReadRollout(""));
  EXPECT_FALSE(ReadRollout("bundle=12 zz 3\nring=1\n"));
}

}  // namespace
}  // namespace schoolgate::collector
