#include "collector/detect/incident.h"

#include <algorithm>
#include <string>
#include <vector>

#include "collector/detect/detector.h"
#include "collector/detect/school.h"
#include "gtest/gtest.h"

namespace schoolgate::collector {
namespace {

using absl::Hours;
using absl::Minutes;
using absl::Seconds;

constexpr v1::Grade kOpened = v1::GRADE_OPENED;
constexpr v1::Grade kLanded = v1::GRADE_LANDED;

std::vector<Finding> Found(School& school) {
  Detector detector;
  return detector.OnEvents(school.events(), School::Start());
}

// A page that loads at once looks like a landing however long it is read: of
// three that were meant one often is, and the third would be missed.
TEST(Incident, BesideTwoOpenedALandingOnAnotherOccasionIsTheThird) {
  School school;
  school.Episode("play.test", "games", kOpened)
      .After(Hours(2))
      .Episode("toys.test", "games", kLanded, Seconds(1));
  EXPECT_TRUE(Found(school).empty()) << "one opened is nothing";
  school.After(Hours(24)).Episode("play.test", "games", kOpened);
  const std::vector<Finding> found = Found(school);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
  EXPECT_EQ(found[0].count, 2u) << "a landing is never counted";
  EXPECT_EQ(found[0].landed, 1u);
  EXPECT_TRUE(found[0].by_landing);
  school.After(Hours(1)).Episode("play.test", "games", kOpened);
  const std::vector<Finding> more = Found(school);
  EXPECT_EQ(more.back().count, 3u);
  EXPECT_FALSE(more.back().by_landing) << "it stands without the landing now";
  EXPECT_EQ(found[0].rule, kThinPattern);
  EXPECT_EQ(more.back().rule, "repeated_contacts");
}

// A lead would be interrupted for one idle afternoon; and would not be, where
// it comes again the next day.
TEST(Incident, OneDayOfAFewIsTheDigestsAndTwoDaysAreAnAlert) {
  School school;
  for (int i = 0; i < 3; ++i) {
    school.After(Hours(1)).Episode("play.test", "games", kOpened);
  }
  const std::vector<Finding> found = Found(school);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, kThinPattern);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
  School two_days = school;
  two_days.After(Hours(22)).Episode("play.test", "games", kOpened);
  EXPECT_EQ(Found(two_days).back().rule, "repeated_contacts");
  School many = school;
  for (const char* site : {"b.test", "c.test", "d.test"}) {
    many.After(Minutes(20)).Episode(site, "games", kOpened);
  }
  EXPECT_EQ(Found(many).back().rule, "repeated_contacts");
}

// What is worse than routine would wait for the digest.
TEST(Incident, NothingGraverIsEverThin) {
  for (const char* category : {"gambling", "bypass", "adult", "self-harm"}) {
    School school;
    school.Episode("one.test", category, kOpened)
        .After(Minutes(10))
        .Episode("two.test", category, kOpened);
    EXPECT_NE(Found(school).back().rule, kThinPattern) << category;
  }
  School after_bypass;
  after_bypass.Episode("vpn.test", "bypass", kOpened);
  for (int i = 0; i < 3; ++i) {
    after_bypass.After(i == 0 ? Minutes(5) : Hours(1))
        .Episode("play.test", "games", kOpened);
  }
  EXPECT_EQ(Found(after_bypass).back().severity, v1::SEVERITY_RULE_BREAK);
  EXPECT_NE(Found(after_bypass).back().rule, kThinPattern);
}

// Otherwise a week of pop-ups would be somebody's misuse.
TEST(Incident, LandingsAloneOrBesideOneAreNothing) {
  for (const char* category : {"games", "gambling", "bypass"}) {
    School school;
    school.Episode("one.test", category, kOpened);
    for (int i = 0; i < 20; ++i) {
      school.After(Hours(3)).Episode("two.test", category, kLanded, Seconds(1));
    }
    EXPECT_TRUE(Found(school).empty()) << category;
  }
}

TEST(Incident, ALandingWithinTheSameActOrHourOrLongAgoMakesNoThird) {
  School same;
  same.Episode("play.test", "games", kLanded, Seconds(1))
      .After(Seconds(40))
      .Episode("play.test", "games", kOpened)
      .After(Minutes(5))
      .Episode("play.test", "games", kOpened);
  EXPECT_TRUE(Found(same).empty()) << "all within one hour";
  School glance;
  glance.Episode("play.test", "games", kOpened)
      .After(Hours(3))
      .Episode("play.test", "games", kLanded, Seconds(1))
      .After(Seconds(40))
      .Episode("play.test", "games", kOpened);
  EXPECT_TRUE(Found(glance).empty()) << "a glance is part of what follows it";
  School ago;
  ago.Episode("play.test", "games", kLanded, Seconds(1))
      .After(Hours(24 * 3))
      .Episode("play.test", "games", kOpened)
      .After(Hours(1))
      .Episode("play.test", "games", kOpened);
  EXPECT_TRUE(Found(ago).empty()) << "three school days before";
}

}  // namespace
}  // namespace schoolgate::collector
