#include "collector/cases/precision.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

v1::Alert Closed(const std::string& rule, const std::string& outcome) {
  v1::Alert alert;
  alert.set_rule(rule);
  alert.set_category("gambling");
  alert.set_severity(v1::SEVERITY_RULE_BREAK);
  alert.set_state(v1::ALERT_STATE_CLOSED);
  alert.mutable_incident()->set_outcome(outcome);
  return alert;
}

TEST(Precision, IsCountedFromWhatPeopleSaid) {
  std::vector<v1::Alert> alerts;
  for (int i = 0; i < 8; ++i) alerts.push_back(Closed("a", "handled"));
  for (int i = 0; i < 2; ++i) alerts.push_back(Closed("a", "false_alarm"));
  alerts.push_back(Closed("a", ""));  // withdrawn by the program
  alerts.push_back(Closed("b", "no_action"));
  const auto kinds = PrecisionOf(alerts);
  ASSERT_EQ(kinds.size(), 2u);
  EXPECT_EQ(kinds[0].kind, "a/gambling");
  EXPECT_EQ(kinds[0].alerts, 11u);
  EXPECT_EQ(kinds[0].right, 8u);
  EXPECT_EQ(kinds[0].wrong, 2u);
  // Wilson's interval for 8 of 10.
  EXPECT_NEAR(kinds[0].low, 0.4902, 0.0005);
  EXPECT_NEAR(kinds[0].high, 0.9433, 0.0005);
  EXPECT_EQ(kinds[1].right, 1u);
}

// A case of illegal material would wait until the morning.
TEST(Precision, IllegalMaterialNeverWaits) {
  v1::Alert alert = Closed("repeated_contacts", "false_alarm");
  const DigestKinds in_digest = {{KindOf(alert)}, {}};
  EXPECT_TRUE(WaitsForDigest(alert, in_digest));
  alert.set_severity(v1::SEVERITY_ILLEGAL);
  EXPECT_FALSE(WaitsForDigest(alert, in_digest));
  EXPECT_FALSE(PrecisionOf(std::vector{alert})[0].may_wait);
  v1::Alert listed = Closed("restricted_list", "false_alarm");
  EXPECT_FALSE(WaitsForDigest(listed, {{KindOf(listed)}, {}}));
}

// A child who needs help today would be read of tomorrow, because two people
// had moved a noisy kind away, before this was refused or since.
TEST(Precision, WelfareNeverWaits) {
  for (const char* category : {"self-harm", "suicide", "eating-disorder"}) {
    for (const char* rule : {"repeated_contacts", "thin_pattern"}) {
      v1::Alert alert = Closed(rule, "false_alarm");
      alert.set_category(category);
      EXPECT_FALSE(WaitsForDigest(alert, {{KindOf(alert)}, {}})) << category;
      EXPECT_FALSE(PrecisionOf(std::vector{alert})[0].may_wait) << category;
    }
  }
}

// A lead would be interrupted for one idle afternoon of one pupil.
TEST(Precision, WhatIsNoPatternYetWaitsUnlessTwoPeopleWantItInTheList) {
  const v1::Alert thin = Closed("thin_pattern", "no_action");
  EXPECT_TRUE(WaitsForDigest(thin, {}));
  EXPECT_FALSE(WaitsForDigest(thin, {{}, {KindOf(thin)}}));
  EXPECT_FALSE(WaitsForDigest(Closed("repeated_contacts", ""), {}));
}

}  // namespace
}  // namespace schoolgate::collector
