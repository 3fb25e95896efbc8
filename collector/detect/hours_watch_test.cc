#include "collector/detect/hours_watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "collector/detect/detector.h"
#include "collector/detect/school.h"

namespace schoolgate::collector {
namespace {

using absl::Hours;
using absl::Minutes;

// Open on weekdays from 8 to 18 UTC; told of three contacts.
const SchoolPolicies& Open() {
  static const SchoolPolicies* policies = [] {
    auto policy = std::make_shared<v1::CompiledPolicy>();
    auto* schedule = policy->add_schedules();
    schedule->set_id("open");
    auto* window = schedule->add_windows();
    window->set_days(0x1f);
    window->set_from_minute(8 * 60);
    window->set_to_minute(18 * 60);
    auto* threshold = policy->add_thresholds();
    threshold->set_scope("out-of-hours");
    threshold->set_count(3);
    threshold->set_schedule("open");
    auto* all = new SchoolPolicies;
    all->Set("oak", policy);
    return all;
  }();
  return *policies;
}

std::vector<Finding> Detect(const std::vector<StoredEvent>& events,
                            const char* device_group = "pupils",
                            const SchoolPolicies* policies = &Open()) {
  Detector detector({.policies = policies});
  (void)detector.OnEvents(events, School::Start());
  Device device;
  device.id = "D-1";
  device.school = "oak";
  device.group = device_group;
  std::vector<Finding> found = detector.OnTick(School::Start(), {&device, 1});
  std::erase_if(found,
                [](const Finding& one) { return one.rule != "out_of_hours"; });
  return found;
}

School& Play(School& school, int times) {
  for (int i = 0; i < times; ++i) {
    school.After(Minutes(4)).Episode("games.test", "games", v1::GRADE_OPENED);
  }
  return school;
}

// A computer room that somebody uses at nine in the evening.
TEST(HoursWatch, UseOfAClassroomComputerWhenTheSchoolIsShutIsTold) {
  School school;
  Play(school.After(Hours(11)), 3);
  const auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
  EXPECT_EQ(found[0].count, 3u);
  EXPECT_EQ(found[0].subject, "P-7F3AQ2");
  EXPECT_EQ(found[0].evidence.size(), 3u);
}

TEST(HoursWatch, TheSchoolDayIsNobodysBusiness) {
  School school;
  Play(school, 9);
  EXPECT_TRUE(Detect(school.events()).empty());
}

// Saturday, at ten in the morning.
TEST(HoursWatch, AWeekendIsShut) {
  School school;
  Play(school.After(Hours(4 * 24)), 3);
  EXPECT_EQ(Detect(school.events()).size(), 1u);
}

// A teacher who prepares lessons at night must not be counted.
TEST(HoursWatch, LaptopsOfTheStaffAndOtherPlacesAreNotLookedAt) {
  School school;
  Play(school.After(Hours(11)), 5);
  EXPECT_TRUE(Detect(school.events(), "staff").empty());
  for (StoredEvent& event : school.events()) {
    event.event.mutable_episode()->set_place(v1::PLACE_OFFSITE);
  }
  EXPECT_TRUE(Detect(school.events()).empty());
}

TEST(HoursWatch, WithoutAPolicyThatAsksNothingIsTold) {
  School school;
  Play(school.After(Hours(11)), 5);
  EXPECT_TRUE(Detect(school.events(), "pupils", nullptr).empty());
  const SchoolPolicies none;
  EXPECT_TRUE(Detect(school.events(), "pupils", &none).empty());
}

TEST(HoursWatch, TwoContactsAreTooFewAndProgramsAreNobody) {
  School two;
  Play(two.After(Hours(11)), 2);
  EXPECT_TRUE(Detect(two.events()).empty());
  School program;
  Play(program.After(Hours(11)), 5);
  for (StoredEvent& event : program.events()) {
    event.event.mutable_episode()->set_process(v1::PROCESS_KIND_OTHER);
  }
  EXPECT_TRUE(Detect(program.events()).empty());
}

// Nobody is named for what several did.
TEST(HoursWatch, TwoPeopleAtOneComputerAreTheComputers) {
  School school;
  Play(school.After(Hours(11)), 2);
  Play(school.By("P-OTHER"), 2);
  const auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(found[0].subject_is_person);
  EXPECT_EQ(found[0].subject, "D-1");
}

TEST(HoursWatch, OrderAndRepetitionChangeNothing) {
  School school;
  Play(school.After(Hours(11)), 6);
  std::vector<StoredEvent> events = school.events();
  events.insert(events.end(), school.events().begin(), school.events().end());
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(events.begin(), events.end(), random);
    const auto found = Detect(events);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].count, 6u);
  }
}

}  // namespace
}  // namespace schoolgate::collector
