#include "collector/web/throttle.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

// Passwords could be guessed at the speed of the network.
TEST(Throttle, WaitsTwiceAsLongEachTime) {
  Throttle throttle(ThrottleLimits{});
  absl::Duration now = absl::Seconds(1);
  for (int i = 0; i < 4; ++i) {
    throttle.Fail("lead", now);
    EXPECT_EQ(throttle.Wait("lead", now), absl::ZeroDuration());
  }
  absl::Duration expected = absl::Seconds(30);
  for (int i = 0; i < 10; ++i) {
    throttle.Fail("lead", now);
    EXPECT_EQ(throttle.Wait("lead", now),
              std::min(expected, absl::Minutes(30)));
    now += throttle.Wait("lead", now);
    EXPECT_EQ(throttle.Wait("lead", now), absl::ZeroDuration());
    expected *= 2;
  }
  EXPECT_EQ(throttle.Wait("head", now), absl::ZeroDuration());
  throttle.Forget("lead");
  throttle.Fail("lead", now);
  EXPECT_EQ(throttle.Wait("lead", now), absl::ZeroDuration());
}

// A typo a week would lock people out in the end.
TEST(Throttle, ForgetsAfterADay) {
  Throttle throttle(ThrottleLimits{});
  absl::Duration now = absl::Seconds(1);
  for (int i = 0; i < 9; ++i) throttle.Fail("lead", now);
  now += absl::Hours(24);
  EXPECT_EQ(throttle.Wait("lead", now), absl::ZeroDuration());
  throttle.Fail("lead", now);
  EXPECT_EQ(throttle.Wait("lead", now), absl::ZeroDuration());
}

// Invented names would fill the memory.
TEST(Throttle, KeepsSoManyKeysAndDropsTheOldest) {
  Throttle throttle(ThrottleLimits{.free_failures = 1, .keys = 100});
  for (int i = 0; i < 200; ++i) {
    throttle.Fail(std::to_string(i), absl::Seconds(i + 1));
  }
  EXPECT_EQ(throttle.Wait("0", absl::Seconds(200)), absl::ZeroDuration());
  EXPECT_GT(throttle.Wait("199", absl::Seconds(200)), absl::ZeroDuration());
}

// One script would keep everybody else from their alerts.
TEST(RateLimit, GivesABurstAndThenSoManyASecond) {
  RateLimit limit(RateLimits{.per_second = 2, .burst = 3});
  const absl::Duration now = absl::Seconds(5);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.Take("a", now));
  EXPECT_FALSE(limit.Take("a", now));
  EXPECT_TRUE(limit.Take("b", now));
  EXPECT_TRUE(limit.Take("a", now + absl::Milliseconds(500)));
  EXPECT_FALSE(limit.Take("a", now + absl::Milliseconds(500)));
}

TEST(RateLimit, RefusesNewKeysWhenFullOfBusyOnes) {
  RateLimit limit(RateLimits{.per_second = 1, .burst = 10, .keys = 2});
  EXPECT_TRUE(limit.Take("a", absl::Seconds(1)));
  EXPECT_TRUE(limit.Take("b", absl::Seconds(1)));
  EXPECT_FALSE(limit.Take("c", absl::Seconds(1)));
  EXPECT_TRUE(limit.Take("c", absl::Seconds(12)));
}

}  // namespace
}  // namespace schoolgate::collector
