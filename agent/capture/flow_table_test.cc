// A flood of spoofed packets would take all memory, or push out the flows of
// people at work.
#include "agent/capture/flow_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace schoolgate::agent {
namespace {

class CountExpired : public FlowExpiry {
 public:
  void OnExpired(Flow& flow) override { ++expired; }
  int expired = 0;
};

Segment Between(uint32_t client, uint16_t port, bool answer = false) {
  Segment segment;
  segment.protocol = kProtocolUdp;
  segment.src[10] = segment.src[11] = 0xff;
  segment.dst = segment.src;
  for (int i = 0; i < 4; ++i) {
    segment.src[15 - i] = static_cast<uint8_t>(client >> (8 * i));
  }
  segment.dst[15] = 1;
  segment.src_port = port;
  segment.dst_port = 443;
  if (answer) {
    std::swap(segment.src, segment.dst);
    std::swap(segment.src_port, segment.dst_port);
  }
  return segment;
}

TEST(FlowTable, BothDirectionsAreOneFlow) {
  CountExpired expiry;
  FlowTable table(FlowLimits(), expiry);
  const auto there = table.Find(Between(5, 1000), 0);
  EXPECT_TRUE(there.fresh);
  const auto back = table.Find(Between(5, 1000, true), 0);
  EXPECT_FALSE(back.fresh);
  EXPECT_EQ(back.flow, there.flow);
  EXPECT_EQ(back.side, 1);
  EXPECT_TRUE(table.Find(Between(5, 1001), 0).fresh);
}

TEST(FlowTable, FullTableRefusesTheNewestAndKeepsTheOld) {
  CountExpired expiry;
  FlowLimits limits;
  limits.max_flows = 100;
  FlowTable table(limits, expiry);
  for (uint32_t i = 0; i < 100; ++i) {
    ASSERT_NE(table.Find(Between(i, 1), 0).flow, nullptr) << i;
  }
  EXPECT_EQ(table.refused(), 0u);
  for (uint32_t i = 100; i < 1000; ++i) {
    EXPECT_EQ(table.Find(Between(i, 1), 0).flow, nullptr);
  }
  EXPECT_EQ(table.refused(), 900u);
  for (uint32_t i = 0; i < 100; ++i) {
    EXPECT_FALSE(table.Find(Between(i, 1), 0).fresh);
  }
  EXPECT_EQ(expiry.expired, 0);
}

TEST(FlowTable, WhereSaidSoTheOldestGoesUnlessItsBytesAreHeld) {
  CountExpired expiry;
  FlowLimits limits;
  limits.max_flows = 100;
  limits.push_out = true;
  FlowTable table(limits, expiry);
  for (uint32_t i = 0; i < 100; ++i) {
    Flow* flow = table.Find(Between(i, 1), 0).flow;
    if (i == 7) flow->sides[0].pieces = 1;
  }
  for (uint32_t i = 100; i < 250; ++i) {
    EXPECT_TRUE(table.Find(Between(i, 1), 0).fresh);
  }
  EXPECT_EQ(table.size(), 100u);
  EXPECT_EQ(table.pushed_out(), 150u);
  EXPECT_EQ(table.refused(), 0u);
  EXPECT_EQ(expiry.expired, 150);
  EXPECT_FALSE(table.Find(Between(7, 1), 0).fresh);
  EXPECT_FALSE(table.Find(Between(249, 1), 0).fresh);
}

TEST(FlowTable, FlowsAreSparedUpToTheLimitAndNoFurther) {
  for (const int more : {-1, 0, 1}) {
    CountExpired expiry;
    FlowLimits limits;
    limits.max_flows = 100;
    limits.push_out = true;
    FlowTable table(limits, expiry);
    // The first that is looked at is the second.
    const auto held = static_cast<uint32_t>(FlowTable::kMaxSpared) + more;
    for (uint32_t i = 0; i < 100; ++i) {
      Flow* flow = table.Find(Between(i, 1), 0).flow;
      if (i >= 1 && i <= held) flow->sides[1].pieces = 1;
    }
    EXPECT_TRUE(table.Find(Between(100, 1), 0).fresh);
    const uint32_t spared = std::min(held, FlowTable::kMaxSpared);
    EXPECT_TRUE(table.Find(Between(spared + 1, 1), 0).fresh) << "has gone";
  }
}

TEST(FlowTable, SilentFlowsMakeRoom) {
  CountExpired expiry;
  FlowLimits limits;
  limits.max_flows = 10;
  FlowTable table(limits, expiry);
  for (uint32_t i = 0; i < 10; ++i) table.Find(Between(i, 1), 0);
  const int64_t later = limits.udp_idle_us + 1;
  EXPECT_TRUE(table.Find(Between(77, 1), later).fresh);
  EXPECT_GT(expiry.expired, 0);
}

// The same ends after a long silence are another flow, swept yet or not.
TEST(FlowTable, ASilentFlowIsNotTakenUpAgain) {
  CountExpired expiry;
  FlowLimits limits;
  FlowTable table(limits, expiry);
  EXPECT_TRUE(table.Find(Between(5, 1), 0).fresh);
  EXPECT_FALSE(table.Find(Between(5, 1), limits.udp_idle_us).fresh);
  EXPECT_TRUE(table.Find(Between(5, 1), limits.udp_idle_us + 1).fresh);
  EXPECT_EQ(expiry.expired, 1);
  EXPECT_EQ(table.size(), 1u);
}

TEST(FlowTable, FindsEverythingAfterManyRemovals) {
  CountExpired expiry;
  FlowLimits limits;
  limits.max_flows = 512;
  FlowTable table(limits, expiry);
  for (uint32_t i = 0; i < 512; ++i) table.Find(Between(i, 9), 0);
  for (uint32_t i = 0; i < 512; i += 3) {
    table.Remove(table.Find(Between(i, 9), 0).flow);
  }
  for (uint32_t i = 0; i < 512; ++i) {
    EXPECT_EQ(table.Find(Between(i, 9), 0).fresh, i % 3 == 0) << i;
  }
  table.Clear();
  EXPECT_EQ(table.size(), 0u);
}

TEST(FlowTable, StateIsSmallAndCapped) {
  EXPECT_LE(sizeof(Flow), 200u);
  CountExpired expiry;
  FlowTable table(FlowLimits(), expiry);
  EXPECT_LE(table.max_memory_bytes(), size_t{40} << 20);
}

}  // namespace
}  // namespace schoolgate::agent
