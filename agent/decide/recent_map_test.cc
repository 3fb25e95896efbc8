#include "agent/decide/recent_map.h"

#include <gtest/gtest.h>

#include <string>

namespace schoolgate::agent {
namespace {

// Otherwise a benign name would stay in memory for longer than promised.
TEST(RecentMapTest, NothingOutlivesItsAge) {
  RecentMap<std::string, int> recent(60, 100);
  recent.Put("a", 1, 0);
  EXPECT_NE(recent.Find("a", 20), nullptr);
  EXPECT_NE(recent.Find("a", 31), nullptr);
  EXPECT_EQ(recent.Find("a", 62), nullptr);
  EXPECT_EQ(recent.size(), 0u);
}

TEST(RecentMapTest, AClockThatStepsBackForgetsRatherThanKeeps) {
  RecentMap<std::string, int> recent(60, 100);
  recent.Put("a", 1, 1000);
  EXPECT_EQ(recent.Find("b", 5), nullptr);
  recent.Put("b", 2, 6);
  EXPECT_EQ(recent.Find("a", 7), nullptr);
}

// What comes by two ways comes in no order: all that was seen in the seconds
// before would be forgotten each time, and told again.
TEST(RecentMapTest, APacketThatComesLateForgetsNothing) {
  RecentMap<std::string, int> recent(8'000'000, 100);
  recent.Put("a", 1, 10'000'000);
  recent.Put("b", 2, 14'000'000);  // a new generation begins
  EXPECT_NE(recent.Find("b", 13'990'000), nullptr);
  EXPECT_NE(recent.Find("a", 13'990'000), nullptr);
  EXPECT_NE(recent.Find("a", 14'000'001), nullptr);
  EXPECT_EQ(recent.Find("b", 11'000'000), nullptr) << "set back";
}

// Otherwise a flood of invented names would eat the laptop's memory.
TEST(RecentMapTest, HoldsAtMostTwoGenerations) {
  RecentMap<int, int> recent(1'000'000, 10);
  for (int i = 0; i < 1000; ++i) recent.Put(i, i, 5);
  EXPECT_LE(recent.size(), 20u);
  EXPECT_NE(recent.Find(999, 5), nullptr);
}

TEST(RecentMapTest, WhatIsForcedOutEarlyIsCounted) {
  RecentMap<int, int> recent(1'000'000, 10);
  for (int i = 0; i < 19; ++i) recent.Put(i, i, 5);
  EXPECT_EQ(recent.forced_out(), 0u);
  recent.Put(19, 0, 5);  // two full generations
  EXPECT_EQ(recent.forced_out(), 0u);
  recent.Put(20, 0, 5);
  EXPECT_EQ(recent.forced_out(), 10u);
  EXPECT_EQ(recent.Find(9, 5), nullptr);
  EXPECT_NE(recent.Find(10, 5), nullptr);
}

TEST(RecentMapTest, WhatGoesByItsAgeIsNotCounted) {
  RecentMap<int, int> recent(100, 10);
  for (int i = 0; i < 1000; ++i) recent.Put(i, i, i * 10);
  EXPECT_EQ(recent.forced_out(), 0u);
}

}  // namespace
}  // namespace schoolgate::agent
