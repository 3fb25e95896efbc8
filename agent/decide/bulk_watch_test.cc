#include "agent/decide/bulk_watch.h"

#include <gtest/gtest.h>

#include <set>

namespace schoolgate::agent {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr uint64_t kMegabyte = 1'000'000;

v1::CompiledPolicy Policy(uint64_t megabytes) {
  v1::CompiledPolicy policy;
  v1::Threshold* other = policy.add_thresholds();
  other->set_scope("file-sharing");
  other->set_bytes(1);
  v1::Threshold* any = policy.add_thresholds();
  any->set_scope("any");
  any->set_bytes(megabytes * kMegabyte);
  any->set_window_minutes(15);
  return policy;
}

class BulkWatchTest : public testing::Test {
 protected:
  BulkWatchTest() { watch_.SetPolicy(Policy(2000)); }

  // A flow has moved so much by now.
  std::optional<LargeTransfer> Moved(FlowId flow, uint64_t megabytes,
                                     uint32_t uid = 30001) {
    FlowProgress progress;
    progress.time_us = now_us_ += kSecond;
    progress.flow = flow;
    progress.uid = uid;
    progress.opened = opened_.insert(flow).second;
    progress.server.address = {0, 0, 0,    0,    0,   0, 0, 0,
                               0, 0, 0xff, 0xff, 192, 0, 2, server_};
    progress.sent_bytes = megabytes * kMegabyte / 4;
    progress.received_bytes = megabytes * kMegabyte - progress.sent_bytes;
    return watch_.OnFlow(progress);
  }

  BulkWatch watch_;
  int64_t now_us_ = 1'795'514'400 * kSecond;
  uint8_t server_ = 7;
  std::set<FlowId> opened_;
};

// Whoever fills the school's line goes unnoticed where the host is no matter of
// the policy.
TEST_F(BulkWatchTest, AllOfAPersonsFlowsCountTogetherAndAreToldOnce) {
  EXPECT_FALSE(Moved(1, 900));
  EXPECT_FALSE(Moved(2, 900));
  EXPECT_FALSE(Moved(1, 950));  // 50 more, not 950
  const auto told = Moved(3, 150);
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->sent_bytes + told->received_bytes, 2000 * kMegabyte);
  EXPECT_EQ(told->sent_bytes, 500 * kMegabyte);
  EXPECT_FALSE(Moved(3, 900)) << "once while it goes on";
  now_us_ += 3600 * kSecond;
  EXPECT_FALSE(Moved(4, 10)) << "what is long past does not count";
  EXPECT_TRUE(Moved(5, 2500)) << "and the next time is told again";
}

TEST_F(BulkWatchTest, OfOthersNobodyIsAccused) {
  EXPECT_FALSE(Moved(1, 1500, 30001));
  EXPECT_FALSE(Moved(2, 1500, 30002)) << "two people are not one";
  EXPECT_FALSE(Moved(3, 9000, 0)) << "updates are the machine's own";
  EXPECT_FALSE(Moved(4, 9000, platform::kNoUid));
  watch_.Leave(5, now_us_);
  EXPECT_FALSE(Moved(5, 9000)) << "a contact that is reported counts there";
  server_ = 8;
  EXPECT_TRUE(Moved(6, 600, 30001));
}

// Two hours of ordinary use would be summed as a quarter of one.
TEST_F(BulkWatchTest, AClockSetBackSumsNothingUp) {
  for (int step = 0; step < 3; ++step) {
    EXPECT_FALSE(Moved(1, 1500 * (static_cast<uint64_t>(step) + 1)));
    now_us_ -= 3600 * kSecond;
  }
  EXPECT_FALSE(Moved(2, 400));
  EXPECT_TRUE(Moved(3, 1700)) << "and goes on counting";
}

// Flows that nobody closed would stay for as long as the clock was set back,
// and no other be counted.
TEST_F(BulkWatchTest, AClockSetBackLeavesRoomForFlows) {
  for (FlowId flow = 1; flow <= BulkWatch::kMaxFlows; ++flow) {
    (void)Moved(flow, 0);
    now_us_ -= kSecond;
  }
  now_us_ -= 7200 * kSecond;
  EXPECT_TRUE(Moved(BulkWatch::kMaxFlows + 1, 2000));
  EXPECT_EQ(watch_.uncounted(), 0u);
}

// A connection that stayed open over lunch has not moved all of it again.
TEST_F(BulkWatchTest, AFlowThatWasForgottenIsNotCountedTwice) {
  EXPECT_FALSE(Moved(1, 1900));
  now_us_ += BulkWatch::kForgetFlowUs + kSecond;
  EXPECT_FALSE(Moved(2, 1));  // forgets the first
  EXPECT_FALSE(Moved(1, 1950));
}

// What was moved before the school set a threshold was nobody's fault.
TEST_F(BulkWatchTest, WhatCameBeforeTheThresholdDoesNotCount) {
  watch_.SetPolicy(v1::CompiledPolicy());
  EXPECT_FALSE(Moved(1, 9000));
  watch_.SetPolicy(Policy(2000));
  EXPECT_FALSE(Moved(1, 9100));
}

TEST_F(BulkWatchTest, WithoutAThresholdNothingIsCounted) {
  watch_.SetPolicy(v1::CompiledPolicy());
  EXPECT_FALSE(Moved(1, 90'000));
}

// A device with many connections must not run out of memory, nor count one
// twice.
TEST_F(BulkWatchTest, MemoryIsBounded) {
  FlowProgress progress;
  progress.time_us = now_us_;
  progress.uid = 30001;
  progress.server.address[0] = 0x20;
  for (FlowId flow = 1; flow <= BulkWatch::kMaxFlows + 10; ++flow) {
    progress.flow = flow;
    progress.opened = true;
    progress.sent_bytes = 1;
    EXPECT_FALSE(watch_.OnFlow(progress));
  }
  EXPECT_EQ(watch_.uncounted(), 10u);
  now_us_ += BulkWatch::kForgetFlowUs + kSecond;
  for (uint32_t uid = 0; uid < BulkWatch::kMaxPeople + 10; ++uid) {
    EXPECT_FALSE(Moved(100'000 + uid, 1, 40'000 + uid));
  }
  EXPECT_GT(watch_.uncounted(), 10u);
  EXPECT_FALSE(Moved(1, 1000).has_value());
}

}  // namespace
}  // namespace schoolgate::agent
