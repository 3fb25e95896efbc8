#include "agent/decide/own_record.h"

#include <gtest/gtest.h>

namespace schoolgate::agent {
namespace {

v1::Event ContactWith(const std::string& host) {
  v1::Event event;
  event.mutable_contact()->set_host(host);
  return event;
}

// Somebody restarts the agent and asks what is known about them: it must not
// look as if nothing were.
TEST(OwnRecordTest, ARestartForgetsNothingAndMixesNobodyUp) {
  OwnRecord before;
  before.Add(1000, ContactWith("a.example"));
  before.Add(1001, ContactWith("b.example"));
  OwnRecord after;
  after.Add(1000, ContactWith("c.example"));
  after.TakeUp(before.Written());
  ASSERT_EQ(after.Of(1000).size(), 2u);
  EXPECT_EQ(after.Of(1000).front().contact().host(), "a.example");
  EXPECT_EQ(after.Of(1000).back().contact().host(), "c.example");
  ASSERT_EQ(after.Of(1001).size(), 1u);
  EXPECT_TRUE(after.Of(1002).empty());
}

TEST(OwnRecordTest, DamagedBytesCostWhatFollowsThemAndNoMore) {
  OwnRecord before;
  before.Add(1000, ContactWith("a.example"));
  const std::string whole = before.Written();
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    OwnRecord after;
    after.TakeUp(whole.substr(0, cut));
    EXPECT_TRUE(after.Of(1000).empty()) << cut;
  }
  OwnRecord after;
  after.TakeUp(whole + "1000 99999999\nshort");
  EXPECT_EQ(after.Of(1000).size(), 1u);
}

// On a machine that many log in to, all but the first few would read that
// nothing is known of them.
TEST(OwnRecordTest, EverybodyHasARecordHoweverManyTheyAre) {
  OwnRecord record;
  v1::Event event;
  const auto users = static_cast<uint32_t>(OwnRecord::kMostOfAll + 100);
  for (uint32_t i = 0; i < users; ++i) {
    event.set_time_unix_us(i);
    record.Add(1000 + i, event);
    ASSERT_EQ(record.Of(1000 + i).size(), 1u) << i;
  }
  EXPECT_EQ(record.forgotten(), 100u);
  EXPECT_TRUE(record.Of(1099).empty()) << "the oldest went for them";
  EXPECT_EQ(record.Of(1100).size(), 1u);
  OwnRecord next;
  next.TakeUp(record.Written());
  EXPECT_EQ(next.forgotten(), 0u) << "all of it is kept over a restart";
  EXPECT_EQ(next.Of(1100).size(), 1u);
  // One user's many are their own affair.
  record.Forget(1100);
  for (size_t i = 0; i < 2 * OwnRecord::kMostEvents; ++i) record.Add(9, event);
  EXPECT_EQ(record.Of(9).size(), OwnRecord::kMostEvents);
  EXPECT_EQ(record.forgotten(), 100u + OwnRecord::kMostEvents - 1);
}

// What a guest did would be read by the next one under the same account.
TEST(OwnRecordTest, WhoLeavesNoHistoryIsForgotten) {
  OwnRecord record;
  record.Add(1001, v1::Event());
  record.Add(1002, v1::Event());
  const uint64_t before = record.added();
  record.Forget(1001);
  EXPECT_TRUE(record.Of(1001).empty());
  EXPECT_EQ(record.Of(1002).size(), 1u);
  EXPECT_NE(record.added(), before) << "it is written anew";
  record.Forget(1001);
}

}  // namespace
}  // namespace schoolgate::agent
