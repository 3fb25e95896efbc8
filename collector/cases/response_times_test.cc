// A figure that flatters the school, or points at one person, is worse than
// none.
#include "collector/cases/response_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const absl::Time kRaised = absl::FromUnixSeconds(1'795'338'000);

v1::Alert Raised(v1::Severity severity = v1::SEVERITY_SERIOUS) {
  v1::Alert alert;
  alert.set_severity(severity);
  alert.set_state(v1::ALERT_STATE_NEW);
  alert.set_raised_unix_us(absl::ToUnixMicros(kRaised));
  return alert;
}

// A person looked, and closed it, after so long.
v1::Alert Handled(absl::Duration looked, absl::Duration closed) {
  v1::Alert alert = Raised();
  alert.set_state(v1::ALERT_STATE_SEEN);
  NoteResponse(kRaised + looked, &alert);
  alert.set_state(v1::ALERT_STATE_CLOSED);
  alert.mutable_incident()->set_outcome("handled");
  NoteResponse(kRaised + closed, &alert);
  return alert;
}

TEST(ResponseTimes, TheFirstLookStaysAndAClosingCanBeUndone) {
  v1::Alert alert = Handled(absl::Minutes(5), absl::Hours(2));
  EXPECT_EQ(alert.acknowledged_unix_us(),
            absl::ToUnixMicros(kRaised + absl::Minutes(5)));
  EXPECT_EQ(alert.closed_unix_us(),
            absl::ToUnixMicros(kRaised + absl::Hours(2)));
  alert.set_state(v1::ALERT_STATE_LOOKING);
  NoteResponse(kRaised + absl::Hours(3), &alert);
  EXPECT_EQ(alert.closed_unix_us(), 0);
  EXPECT_EQ(alert.acknowledged_unix_us(),
            absl::ToUnixMicros(kRaised + absl::Minutes(5)));
}

TEST(ResponseTimes, HalfAndNineInTenAreTimesThatReallyWere) {
  std::vector<v1::Alert> alerts;
  for (int i = 1; i <= 10; ++i) {
    alerts.push_back(Handled(absl::Minutes(i), absl::Hours(i)));
  }
  alerts.push_back(Raised());
  alerts.push_back(Raised(v1::SEVERITY_ROUTINE));
  const auto tables = ResponseTables(alerts);
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_THAT(tables[0].rows[0],
              ElementsAre("Serious", "10", "5 minutes", "9 minutes", "1"));
  EXPECT_THAT(tables[1].rows[0],
              ElementsAre("Serious", "10", "5 hours", "9 hours", "1"));
  EXPECT_THAT(tables[0].rows[1], ElementsAre("Routine", "0", "–", "–", "1"));
}

// What was handled before times were kept is no quick answer, and what the
// program withdrew needed none.
TEST(ResponseTimes, WhatIsNotKnownIsSaidAndNotCounted) {
  v1::Alert old = Raised();
  old.set_state(v1::ALERT_STATE_CLOSED);
  old.mutable_incident()->set_outcome("handled");
  v1::Alert withdrawn = Raised();
  withdrawn.set_state(v1::ALERT_STATE_CLOSED);
  const auto tables = ResponseTables(std::vector<v1::Alert>{old, withdrawn});
  EXPECT_THAT(tables[0].rows[0], ElementsAre("Serious", "0", "–", "–", "0"));
  EXPECT_THAT(tables[0].note, HasSubstr("1 was handled before"));
}

TEST(ResponseTimes, AGovernorReadsStepsAndNothingOfAMonthWithFew) {
  std::vector<v1::Alert> alerts;
  for (int i = 0; i < 4; ++i) {
    alerts.push_back(Handled(absl::Minutes(50), absl::Hours(30)));
  }
  auto months = ResponseByMonth(alerts, absl::UTCTimeZone());
  ASSERT_EQ(months.size(), 1u);
  EXPECT_EQ(months[0].month, "2026-11");
  EXPECT_EQ(months[0].looked_at, "") << "four could be worked out";
  alerts.push_back(Handled(absl::Minutes(50), absl::Hours(200)));
  months = ResponseByMonth(alerts, absl::UTCTimeZone());
  EXPECT_EQ(months[0].looked_at, "within an hour");
  EXPECT_EQ(months[0].closed, "within 3 days");
  // What nobody looked at does not make the rest look quick.
  for (int i = 0; i < 6; ++i) alerts.push_back(Raised());
  months = ResponseByMonth(alerts, absl::UTCTimeZone());
  EXPECT_EQ(months[0].looked_at, "not yet");
  EXPECT_EQ(months[0].closed, "not yet");
}

}  // namespace
}  // namespace schoolgate::collector
