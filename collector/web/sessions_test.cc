#include "collector/web/sessions.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kStart = absl::Seconds(1000);

// A lead who leaves the room would leave the alerts open to whoever comes by.
TEST(Sessions, EndsAfterTenQuietMinutes) {
  Sessions sessions(SessionLimits{});
  const std::string token = sessions.Open("lead", kStart);
  EXPECT_TRUE(sessions.Find(token, kStart + absl::Minutes(9), true));
  EXPECT_TRUE(sessions.Find(token, kStart + absl::Minutes(18), true));
  EXPECT_FALSE(sessions.Find(token, kStart + absl::Minutes(28), true));
  EXPECT_FALSE(sessions.Find(token, kStart + absl::Minutes(18), true));
}

// A page that refreshes itself would keep an empty chair logged in for ever.
TEST(Sessions, RefreshingByItselfIsNoActivity) {
  Sessions sessions(SessionLimits{});
  const std::string token = sessions.Open("lead", kStart);
  EXPECT_TRUE(sessions.Find(token, kStart + absl::Minutes(9), false));
  EXPECT_FALSE(sessions.Find(token, kStart + absl::Minutes(11), false));
}

// A stolen cookie would work for ever if only it were used often enough.
TEST(Sessions, EndsAfterTheLongestTimeHoweverBusy) {
  Sessions sessions(SessionLimits{.longest = absl::Hours(1)});
  const std::string token = sessions.Open("lead", kStart);
  for (int minute = 5; minute < 60; minute += 5) {
    EXPECT_TRUE(sessions.Find(token, kStart + absl::Minutes(minute), true));
  }
  EXPECT_FALSE(sessions.Find(token, kStart + absl::Minutes(60), true));
}

// Without limits a script that logs in again and again would fill the memory.
TEST(Sessions, TheOldestOfAnAccountGoesFirst) {
  Sessions sessions(SessionLimits{.sessions_per_account = 2});
  const std::string first = sessions.Open("lead", kStart);
  const std::string second = sessions.Open("lead", kStart + absl::Seconds(1));
  const std::string other = sessions.Open("head", kStart + absl::Seconds(2));
  const std::string third = sessions.Open("lead", kStart + absl::Seconds(3));
  const absl::Duration now = kStart + absl::Seconds(4);
  EXPECT_FALSE(sessions.Find(first, now, true));
  EXPECT_TRUE(sessions.Find(second, now, true));
  EXPECT_TRUE(sessions.Find(other, now, true));
  EXPECT_TRUE(sessions.Find(third, now, true));
}

// Somebody who changes a stolen password expects the thief to be out.
TEST(Sessions, OthersOfTheAccountCanBeEnded) {
  Sessions sessions(SessionLimits{});
  const std::string mine = sessions.Open("lead", kStart);
  const std::string stolen = sessions.Open("lead", kStart);
  const std::string other = sessions.Open("head", kStart);
  sessions.CloseOthers("lead", sessions.Find(mine, kStart, true)->key);
  EXPECT_TRUE(sessions.Find(mine, kStart, true));
  EXPECT_FALSE(sessions.Find(stolen, kStart, true));
  EXPECT_TRUE(sessions.Find(other, kStart, true));
}

// A copy of the server's memory would hand out working cookies.
TEST(Sessions, TheTokenItselfIsNotKept) {
  Sessions sessions(SessionLimits{});
  const std::string token = sessions.Open("lead", kStart);
  EXPECT_EQ(token.size(), 43u);  // 256 bits in base64
  auto session = sessions.Find(token, kStart, true);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->key.find(token), std::string::npos);
  EXPECT_FALSE(sessions.Find(session->key, kStart, true));
  EXPECT_FALSE(sessions.Find("", kStart, true));
  EXPECT_FALSE(sessions.Find(std::string(100000, 'a'), kStart, true));
}

}  // namespace
}  // namespace schoolgate::collector
