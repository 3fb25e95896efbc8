#include "agent/decide/visit_book.h"

#include <gtest/gtest.h>

namespace schoolgate::agent {
namespace {

using Kind = VisitNews::Kind;

constexpr int64_t kMinuteUs = 60'000'000;

class VisitBookTest : public testing::Test {
 protected:
  VisitBookTest() {
    v1::PolicyGroup* guest = policy_.add_groups();
    guest->set_id("guest");
    guest->set_session_minutes(60);
    v1::PolicyGroup* community = policy_.add_groups();
    community->set_id("community");
    v1::PolicyGroup* staff = policy_.add_groups();
    staff->set_id("staff");
    staff->set_personal_history(true);
    book_.SetPolicy(policy_);
  }

  static Who Of(uint32_t uid, const char* group) {
    return {.uid = uid, .login = "visitor1", .group = group};
  }

  // What is said at this minute; `in`: whether everybody is logged in.
  std::vector<Kind> At(int64_t minute, std::optional<bool> in = true) {
    std::vector<Kind> kinds;
    for (const VisitNews& one :
         book_.Tick(minute * kMinuteUs, [in](uint32_t) { return in; })) {
      kinds.push_back(one.kind);
    }
    return kinds;
  }

  v1::CompiledPolicy policy_;
  VisitBook book_;
  const Who guest_ = Of(1001, "guest");
};

// A guest would go on all day, or be cut off without a word.
TEST_F(VisitBookTest, AGuestIsToldBeforeAndThenTheirTimeIsOver) {
  EXPECT_FALSE(book_.IsOver(guest_, 5 * kMinuteUs));
  EXPECT_EQ(At(5), std::vector{Kind::kBegun});
  EXPECT_EQ(At(54), std::vector<Kind>());
  EXPECT_EQ(At(55), std::vector{Kind::kEndsSoon});
  EXPECT_EQ(book_.Left(guest_, 55 * kMinuteUs), absl::Minutes(10));
  EXPECT_FALSE(book_.IsOver(guest_, 64 * kMinuteUs));
  EXPECT_TRUE(book_.IsOver(guest_, 65 * kMinuteUs));
  EXPECT_EQ(At(65), std::vector{Kind::kOver});
  EXPECT_EQ(At(66), std::vector<Kind>()) << "said once";
  EXPECT_EQ(book_.ended().action, rules::Action::kBlock);
  EXPECT_FALSE(book_.ended().logged) << "it is no misuse";
}

TEST_F(VisitBookTest, NobodyElseIsLimited) {
  for (const Who& who : {Of(1002, "staff"), Of(1002, "community"),
                         Of(33, "guest"), Of(platform::kNoUid, "guest")}) {
    EXPECT_FALSE(book_.IsOver(who, kMinuteUs));
    EXPECT_FALSE(book_.IsOver(who, 10'000 * kMinuteUs));
    EXPECT_EQ(book_.Left(who, 10'000 * kMinuteUs), std::nullopt);
  }
}

// The next visitor under the same account would have no time left.
TEST_F(VisitBookTest, WhoLogsOutBeginsAnew) {
  (void)book_.IsOver(guest_, 0);
  (void)At(1);
  EXPECT_EQ(At(90), std::vector{Kind::kOver});
  EXPECT_EQ(At(91, false), std::vector{Kind::kLeft});
  EXPECT_FALSE(book_.IsOver(guest_, 92 * kMinuteUs));
}

// A program without a session cannot log out, and where nobody can tell a
// guest would begin anew every minute.
TEST_F(VisitBookTest, WhatWasNeverLoggedInDoesNotLogOut) {
  (void)book_.IsOver(guest_, 0);
  (void)At(1, false);
  (void)At(2, std::nullopt);
  EXPECT_TRUE(book_.IsOver(guest_, 60 * kMinuteUs));
}

// Whoever can make the agent end would have the hour again.
TEST_F(VisitBookTest, ARestartOfTheAgentGivesNoMoreTime) {
  (void)book_.IsOver(guest_, 0);
  (void)At(55);
  VisitBook next;
  next.SetPolicy(policy_);
  next.TakeUp(book_.Written());
  EXPECT_TRUE(next.IsOver(guest_, 60 * kMinuteUs));
  for (const char* damaged : {"", "[[1]]", "{", "[[\"a\",1,2,3,4]]"}) {
    VisitBook fresh;
    fresh.TakeUp(damaged);
    EXPECT_FALSE(fresh.IsOver(guest_, 0)) << damaged;
  }
}

// In a library whose machine knows hundreds of guests the next one would go on
// all day.
TEST_F(VisitBookTest, HoweverManyComeEachHasALimit) {
  constexpr auto kMany = static_cast<uint32_t>(VisitBook::kMostVisits) + 10;
  for (uint32_t i = 0; i < kMany; ++i) {
    ASSERT_FALSE(book_.IsOver(Of(2000 + i, "guest"), i));
    ASSERT_TRUE(book_.Left(Of(2000 + i, "guest"), i).has_value()) << i;
  }
  EXPECT_EQ(book_.forgotten(), 10u);
  EXPECT_TRUE(book_.IsOver(Of(2000 + kMany - 1, "guest"), 61 * kMinuteUs));
  VisitBook next;
  next.SetPolicy(policy_);
  next.TakeUp(book_.Written());
  EXPECT_TRUE(next.IsOver(Of(2000 + kMany - 1, "guest"), 61 * kMinuteUs));
}

// People whose history is not kept are known only while they are here.
TEST_F(VisitBookTest, WhoLeavesNoHistoryIsSaidToHaveLeft) {
  (void)book_.IsOver(Of(1003, "community"), 0);
  EXPECT_EQ(At(1), std::vector{Kind::kBegun});
  EXPECT_EQ(At(2, false), std::vector{Kind::kLeft});
}

}  // namespace
}  // namespace schoolgate::agent
