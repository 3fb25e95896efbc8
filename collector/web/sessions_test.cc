#include "collector/web/sessions.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kStart = absl::Seconds(1000);

class SessionsTest : public testing::Test {
 protected:
  const std::unique_ptr<PassingStore> store_ = MakeMemoryPassingStore();
};

// A lead who leaves the room would leave the alerts open to whoever comes by.
TEST_F(SessionsTest, EndsAfterTenQuietMinutes) {
  Sessions sessions(SessionLimits{}, *store_);
  const std::string token = *sessions.Open("lead", kStart);
  EXPECT_TRUE(sessions.Find(token, kStart + absl::Minutes(9), true).ok());
  EXPECT_TRUE(sessions.Find(token, kStart + absl::Minutes(18), true).ok());
  EXPECT_FALSE(sessions.Find(token, kStart + absl::Minutes(28), true).ok());
  EXPECT_FALSE(sessions.Find(token, kStart + absl::Minutes(18), true).ok());
}

// A page that refreshes itself would keep an empty chair logged in for ever.
TEST_F(SessionsTest, RefreshingByItselfIsNoActivity) {
  Sessions sessions(SessionLimits{}, *store_);
  const std::string token = *sessions.Open("lead", kStart);
  EXPECT_TRUE(sessions.Find(token, kStart + absl::Minutes(9), false).ok());
  EXPECT_FALSE(sessions.Find(token, kStart + absl::Minutes(11), false).ok());
}

// A stolen cookie would work for ever if only it were used often enough.
TEST_F(SessionsTest, EndsAfterTheLongestTimeHoweverBusy) {
  Sessions sessions(SessionLimits{.longest = absl::Hours(1)}, *store_);
  const std::string token = *sessions.Open("lead", kStart);
  for (int minute = 5; minute < 60; minute += 5) {
    EXPECT_TRUE(
        sessions.Find(token, kStart + absl::Minutes(minute), true).ok());
  }
  EXPECT_FALSE(sessions.Find(token, kStart + absl::Minutes(60), true).ok());
}

// Without limits a script that logs in again and again would fill the memory.
TEST_F(SessionsTest, TheOldestOfAnAccountGoesFirst) {
  Sessions sessions(SessionLimits{.sessions_per_account = 2}, *store_);
  const std::string first = *sessions.Open("lead", kStart);
  const std::string second = *sessions.Open("lead", kStart + absl::Seconds(1));
  const std::string other = *sessions.Open("head", kStart + absl::Seconds(2));
  const std::string third = *sessions.Open("lead", kStart + absl::Seconds(3));
  const absl::Duration now = kStart + absl::Seconds(4);
  EXPECT_FALSE(sessions.Find(first, now, true).ok());
  EXPECT_TRUE(sessions.Find(second, now, true).ok());
  EXPECT_TRUE(sessions.Find(other, now, true).ok());
  EXPECT_TRUE(sessions.Find(third, now, true).ok());
}

// Somebody who changes a stolen password expects the thief to be out.
TEST_F(SessionsTest, OthersOfTheAccountCanBeEnded) {
  Sessions sessions(SessionLimits{}, *store_);
  const std::string mine = *sessions.Open("lead", kStart);
  const std::string stolen = *sessions.Open("lead", kStart);
  const std::string other = *sessions.Open("head", kStart);
  ASSERT_TRUE(
      sessions
          .CloseOthers("lead", sessions.Find(mine, kStart, true)->key, kStart)
          .ok());
  EXPECT_TRUE(sessions.Find(mine, kStart, true).ok());
  EXPECT_FALSE(sessions.Find(stolen, kStart, true).ok());
  EXPECT_TRUE(sessions.Find(other, kStart, true).ok());
}

// A copy of the server's memory would hand out working cookies.
TEST_F(SessionsTest, TheTokenItselfIsNotKept) {
  Sessions sessions(SessionLimits{}, *store_);
  const std::string token = *sessions.Open("lead", kStart);
  EXPECT_EQ(token.size(), 43u);  // 256 bits in base64
  auto session = sessions.Find(token, kStart, true);
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->csrf.find(token), std::string::npos);
  EXPECT_EQ(session->key.find(token), std::string::npos);
  EXPECT_FALSE(sessions.Find(session->key, kStart, true).ok());
  EXPECT_FALSE(sessions.Find("", kStart, true).ok());
  EXPECT_FALSE(sessions.Find(std::string(100000, 'a'), kStart, true).ok());
}

// A log-in made at one collector would be none at the next.
TEST_F(SessionsTest, WhereTheStoreIsSharedEverybodyKnowsIt) {
  Sessions here(SessionLimits{}, *store_), there(SessionLimits{}, *store_);
  const std::string token = *here.Open("lead", kStart);
  const auto first = here.Find(token, kStart, true);
  const auto second = there.Find(token, kStart, true);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(second->account, "lead");
  EXPECT_EQ(first->csrf, second->csrf);
  EXPECT_EQ(first->csrf.size(), 43u);
  ASSERT_TRUE(there.Close(second->key, kStart).ok());
  EXPECT_FALSE(here.Alive(first->key, kStart));
}

}  // namespace
}  // namespace schoolgate::collector
