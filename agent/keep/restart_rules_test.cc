#include "agent/keep/restart_rules.h"

#include "gtest/gtest.h"

namespace schoolgate::agent {
namespace {

constexpr absl::Duration kStart = absl::Seconds(100);
constexpr absl::Duration kMoment = absl::Milliseconds(50);

// Otherwise a pupil's page would leak while the agent is away.
TEST(RestartRulesTest, AKilledAgentIsStartedAtOnceAsOftenAsItTakes) {
  absl::Duration now = kStart;
  RestartRules rules(now);
  for (int kills = 0; kills < 1000; ++kills) {
    rules.OnReady(now += kMoment);
    EXPECT_EQ(rules.OnEnd(RunEnd::kKilled, now += kMoment),
              absl::ZeroDuration());
    EXPECT_FALSE(rules.MustOpen(now));
  }
}

// Otherwise lessons would stop for ever.
TEST(RestartRulesTest, ThreeStartsThatFailOpenTheNetwork) {
  absl::Duration now = kStart;
  RestartRules rules(now);
  absl::Duration waited;
  for (int tries = 0; tries < 3; ++tries) {
    EXPECT_FALSE(rules.MustOpen(now)) << tries;
    waited += rules.OnEnd(RunEnd::kFault, now += kMoment);
  }
  EXPECT_TRUE(rules.MustOpen(now));
  EXPECT_LE(waited, absl::Seconds(1));
}

// A packet that kills its judge comes again with each start.
TEST(RestartRulesTest, CrashesSoonAfterBeingReadyCountTogether) {
  absl::Duration now = kStart;
  RestartRules rules(now);
  for (int crashes = 0; crashes < 3; ++crashes) {
    rules.OnReady(now += kMoment);
    rules.OnEnd(RunEnd::kFault, now += kMoment);
  }
  EXPECT_TRUE(rules.MustOpen(now));
}

TEST(RestartRulesTest, ACrashAfterALongTimeIsTheFirst) {
  absl::Duration now = kStart;
  RestartRules rules(now);
  for (int days = 0; days < 10; ++days) {
    rules.OnReady(now += kMoment);
    rules.OnEnd(RunEnd::kFault, now += absl::Hours(24));
    EXPECT_FALSE(rules.MustOpen(now));
  }
}

TEST(RestartRulesTest, NobodyReadyForTenSecondsOpensTheNetwork) {
  RestartRules rules(kStart);
  rules.OnReady(kStart);
  rules.OnEnd(RunEnd::kKilled, kStart + kMoment);
  EXPECT_EQ(rules.OpensAt(), kStart + kMoment + RestartRules::kLongestWithout);
  EXPECT_FALSE(rules.MustOpen(kStart + absl::Seconds(9)));
  EXPECT_TRUE(rules.MustOpen(rules.OpensAt()));
}

// Otherwise a mended agent would not filter, or a broken one eat the machine.
TEST(RestartRulesTest, OnceOpenItIsTriedLessAndLessAndClosedWhenReady) {
  absl::Duration now = kStart;
  RestartRules rules(now);
  for (int tries = 0; tries < 3; ++tries) rules.OnEnd(RunEnd::kFault, now);
  ASSERT_TRUE(rules.MustOpen(now));
  rules.OnOpened();
  EXPECT_FALSE(rules.MustOpen(now));  // it is open already
  absl::Duration last;
  for (int tries = 0; tries < 20; ++tries) {
    const absl::Duration pause = rules.OnEnd(RunEnd::kFault, now);
    EXPECT_GE(pause, last);
    EXPECT_LE(pause, RestartRules::kLongestPause);
    last = pause;
  }
  rules.OnReady(now);
  EXPECT_FALSE(rules.opened());
}

}  // namespace
}  // namespace schoolgate::agent
