#include "agent/decide/notice_board.h"

#include <gtest/gtest.h>

namespace schoolgate::agent {
namespace {

constexpr uint32_t kPupil = 1001;
constexpr int64_t kSecond = 1'000'000;

class NoticeBoardTest : public testing::Test {
 protected:
  // Somebody's browser asks for a blocked name.
  Notice& Blocked(std::string_view host, int64_t at_us, uint32_t uid = kPupil) {
    board_.OnName(uid, host, at_us);
    rules::Decision decision;
    decision.action = rules::Action::kBlock;
    decision.locked = locked_;
    return board_.Put(uid, host, decision, "Ask.", /*by_person=*/true, at_us);
  }

  NoticeBoard board_;
  bool locked_ = false;
};

// Otherwise a browser that tries again would cover the screen.
TEST_F(NoticeBoardTest, OneNoticeASiteAndMinute) {
  for (int64_t at : {10, 11, 12, 40}) Blocked("www.bet.example", at * kSecond);
  Blocked("static.bet.example", 50 * kSecond);
  EXPECT_EQ(board_.After(kPupil, 0).size(), 1u);
  Blocked("www.bet.example", 80 * kSecond);
  EXPECT_EQ(board_.After(kPupil, 0).size(), 2u);
}

// Otherwise each news page would accuse its reader of its advertisers.
TEST_F(NoticeBoardTest, WhatAPageBringsInDisturbsNobody) {
  board_.OnName(kPupil, "www.news.example", 10 * kSecond);
  Blocked("ads.bet.example", 10 * kSecond + 300'000);
  EXPECT_TRUE(board_.After(kPupil, 0).empty());
  // The same site, asked for by hand.
  Blocked("www.bet.example", 30 * kSecond);
  EXPECT_EQ(board_.After(kPupil, 0).size(), 1u);
}

TEST_F(NoticeBoardTest, EverybodyReadsTheirOwn) {
  const std::string token = Blocked("www.bet.example", 10 * kSecond).token;
  EXPECT_TRUE(board_.After(kPupil + 1, 0).empty());
  EXPECT_EQ(board_.ByToken(kPupil + 1, token), nullptr);
  ASSERT_NE(board_.ByToken(kPupil, token), nullptr);
  EXPECT_EQ(board_.ByToken(kPupil, ""), nullptr);
}

// Otherwise illegal material would be named on a screen.
TEST_F(NoticeBoardTest, AnIllegalHostIsNotNamed) {
  locked_ = true;
  EXPECT_TRUE(Blocked("terrible.example", 10 * kSecond).host.empty());
}

// Whoever happens to have the lowest number would never be told.
TEST_F(NoticeBoardTest, WhoWasLongestAwayIsForgottenFirst) {
  Blocked("www.bet.example", kSecond);
  for (uint32_t i = 1; i < 2 * NoticeBoard::kMostPeople; ++i) {
    Blocked("www.bet.example", (1 + i) * kSecond, kPupil + i);
    board_.OnName(kPupil, "www.maths.example", (1 + i) * kSecond);
  }
  EXPECT_EQ(board_.After(kPupil, 0).size(), 1u);
  EXPECT_TRUE(board_.After(kPupil + 1, 0).empty());
}

// A site asked for again would stay "brought in" until the clock has come to
// where it was.
TEST_F(NoticeBoardTest, AClockSetBackHidesNoNotice) {
  board_.OnName(kPupil, "www.news.example", 7200 * kSecond);
  Blocked("www.bet.example", 7200 * kSecond + 300'000);
  ASSERT_TRUE(board_.After(kPupil, 0).empty());
  Blocked("www.bet.example", 3600 * kSecond);
  EXPECT_EQ(board_.After(kPupil, 0).size(), 1u);
}

TEST_F(NoticeBoardTest, AFloodOfNamesKeepsItsBounds) {
  for (int i = 0; i < 1000; ++i) {
    Blocked("www.bet" + std::to_string(i) + ".example", i * 3 * kSecond);
    Blocked("www.bet.example", i * 3 * kSecond,
            kPupil + static_cast<uint32_t>(i));
  }
  EXPECT_LE(board_.After(kPupil, 0).size(), NoticeBoard::kMostNotices);
}

}  // namespace
}  // namespace schoolgate::agent
