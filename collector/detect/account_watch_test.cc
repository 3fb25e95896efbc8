#include "collector/detect/account_watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "collector/detect/detector.h"
#include "collector/detect/school.h"
#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

using absl::Minutes;

std::vector<Finding> OfAccounts(std::vector<Finding> all) {
  std::erase_if(all, [](const Finding& finding) {
    return finding.rule != "shared_account" &&
           finding.rule != "other_account" && finding.rule != "staff_account" &&
           finding.rule != "not_assigned";
  });
  return all;
}

// At the end of all of it.
std::vector<Finding> Detect(std::vector<StoredEvent> events,
                            const std::vector<Device>& devices = {}) {
  Detector detector;
  std::vector<Finding> found =
      OfAccounts(detector.OnEvents(events, School::Start()));
  for (Finding& more : OfAccounts(detector.OnTick(School::Start(), devices))) {
    found.push_back(std::move(more));
  }
  return found;
}

Device In(const char* id, const char* group) {
  Device device;
  device.id = id;
  device.school = "oak";
  device.group = group;
  return device;
}

School& Use(School& school, const char* device, absl::Duration gap) {
  return school.On(device).After(gap).Episode("games.test", "games",
                                              v1::GRADE_OPENED);
}

// A pupil who gave the password away would never be asked about it.
TEST(AccountWatch, OneAccountOnTwoDevicesInTurnIsTold) {
  School school;
  Use(school, "D-1", Minutes(0));
  Use(school, "D-2", Minutes(2));
  Use(school, "D-1", Minutes(2));
  Use(school, "D-2", Minutes(2));
  const auto found = Detect(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "shared_account");
  EXPECT_EQ(found[0].subject, "P-7F3AQ2");
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
  EXPECT_EQ(found[0].devices, 2u);
  EXPECT_EQ(found[0].evidence.size(), 4u);
}

// An innocent change of seats, or a program left running, would accuse.
TEST(AccountWatch, OnePersonWhoMovesIsNotTwo) {
  School moves;
  Use(moves, "D-1", Minutes(0));
  Use(moves, "D-2", Minutes(3));
  Use(moves, "D-1", Minutes(3));  // came back once
  EXPECT_TRUE(Detect(moves.events()).empty());
  School slow;  // one lesson after the other
  for (const char* device : {"D-1", "D-2", "D-1", "D-2", "D-1"}) {
    Use(slow, device, Minutes(40));
  }
  EXPECT_TRUE(Detect(slow.events()).empty());
  School program;
  for (const char* device : {"D-1", "D-2", "D-1", "D-2", "D-1"}) {
    program.On(device)
        .After(Minutes(2))
        .Episode("games.test", "games", v1::GRADE_AUTOMATIC);
  }
  EXPECT_TRUE(Detect(program.events()).empty());
  School locked;
  for (const char* device : {"D-1", "D-2", "D-1", "D-2", "D-1"}) {
    locked.On(device).After(Minutes(2)).Contact("games.test", "games");
    locked.events().back().event.mutable_contact()->set_session_locked(true);
  }
  EXPECT_TRUE(Detect(locked.events()).empty());
}

// A laptop and the computer at the board: every teacher would be told of.
TEST(AccountWatch, StaffMayUseTwoDevices) {
  School school;
  school.By("P-TEACHR", "staff");
  for (const char* device : {"D-1", "D-2", "D-1", "D-2"}) {
    Use(school, device, Minutes(2));
  }
  EXPECT_TRUE(Detect(school.events(), {In("D-1", "staff"), In("D-2", "staff")})
                  .empty());
}

TEST(AccountWatch, APupilOnAStaffDeviceIsTold) {
  School school;
  Use(school, "D-1", Minutes(0));
  EXPECT_TRUE(Detect(school.events(), {In("D-1", "staff")}).empty());
  Use(school, "D-1", Minutes(3));
  const auto found = Detect(school.events(), {In("D-1", "staff")});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "other_account");
  EXPECT_EQ(found[0].severity, v1::SEVERITY_RULE_BREAK);
  EXPECT_TRUE(Detect(school.events(), {In("D-1", "ks2")}).empty());
}

// The owner of the account may be the victim: nothing may point at them.
TEST(AccountWatch, AStaffAccountOnAPupilsDeviceIsAboutTheDevice) {
  School school;
  school.By("P-TEACHR", "staff");
  Use(school, "D-1", Minutes(0));
  Use(school, "D-1", Minutes(11));
  const auto found = Detect(school.events(), {In("D-1", "ks2")});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "staff_account");
  EXPECT_EQ(found[0].subject, "D-1");
  EXPECT_FALSE(found[0].subject_is_person);
  EXPECT_EQ(found[0].group, "ks2");
  EXPECT_EQ(found[0].detail, "P-TEACHR");
}

// A laptop of the staff that was given to P-OWNER; the support may use it.
class OwnDevice : public testing::Test {
 protected:
  OwnDevice() {
    auto store = OpenSqliteAgreementStore(scratch_.File("agreements.db"));
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    owners_ = std::make_unique<DeviceOwners>(*store_, clock_);
    laptop_ = In("D-1", "staff");
    laptop_.inventory_number = "OAK-104";
    for (const auto& [key, alias] : {std::pair{OwnerKey(laptop_), "P-OWNER"},
                                     std::pair{SupportKey(), "P-SUPPORT"}}) {
      EXPECT_TRUE(
          PutOwners(*store_, "oak", key, {alias}, "it", clock_.Now()).ok());
    }
  }

  std::vector<Finding> Found(const std::vector<StoredEvent>& events) {
    Detector detector({.owners = owners_.get()});
    std::vector<Finding> found =
        OfAccounts(detector.OnEvents(events, School::Start()));
    for (Finding& more : OfAccounts(
             detector.OnTick(School::Start(), std::vector<Device>{laptop_}))) {
      found.push_back(std::move(more));
    }
    return found;
  }

  // As the device tells of it: the log-in alone.
  static School& LogIn(School& school) {
    school.On("D-1").After(Minutes(1)).Contact("", "");
    v1::Event& event = school.events().back().event;
    event.clear_contact();
    event.mutable_person_seen()->set_sealed_login("sealed");
    return school;
  }

  Scratch scratch_;
  platform::ManualClock clock_{School::Start()};
  std::unique_ptr<AgreementStore> store_;
  std::unique_ptr<DeviceOwners> owners_;
  Device laptop_;
};

// The paper says that nobody else may use it, and nobody would be asked.
TEST_F(OwnDevice, AnothersLogInIsToldOfTheDeviceInTheMildestWay) {
  School school;
  school.By("P-OTHER", "staff");
  LogIn(school);
  const auto found = Found(school.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "not_assigned");
  EXPECT_EQ(found[0].severity, v1::SEVERITY_ROUTINE);
  EXPECT_EQ(found[0].subject, "D-1");
  EXPECT_FALSE(found[0].subject_is_person);
  EXPECT_EQ(found[0].detail, "P-OTHER");
  EXPECT_EQ(found[0].group, "staff");
}

// Whoever has a right to be there, and who cannot be told apart, is left alone.
TEST_F(OwnDevice, OwnersSupportAndSharedAccountsAreNotTold) {
  for (const char* alias : {"P-OWNER", "P-SUPPORT", ""}) {
    School school;
    school.By(alias, "staff");
    LogIn(school);
    Use(school, "D-1", Minutes(1));
    EXPECT_TRUE(Found(school.events()).empty()) << alias;
  }
  laptop_.inventory_number = "OAK-105";  // nobody's own
  School school;
  school.By("P-OTHER", "staff");
  LogIn(school);
  EXPECT_TRUE(Found(school.events()).empty());
}

// One pupil at a teacher's laptop would be two alerts.
TEST_F(OwnDevice, APupilThereIsToldOnce) {
  School brief;
  brief.By("P-PUPIL1", "pupils");
  LogIn(brief);
  ASSERT_EQ(Found(brief.events()).size(), 1u);
  EXPECT_EQ(Found(brief.events())[0].rule, "not_assigned");
  School longer;
  longer.By("P-PUPIL1", "pupils");
  LogIn(longer);
  Use(longer, "D-1", Minutes(1));
  Use(longer, "D-1", Minutes(3));
  const auto found = Found(longer.events());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "other_account");
}

// After days offline the same would otherwise look different.
TEST(AccountWatch, NeitherOrderNorRepeatsChangeWhatIsFound) {
  School school;
  for (const char* device : {"D-1", "D-2", "D-1", "D-2", "D-1", "D-3"}) {
    Use(school, device, Minutes(2));
  }
  std::vector<StoredEvent> events = school.events();
  const auto in_order = Detect(events);
  ASSERT_EQ(in_order.size(), 1u);
  std::mt19937 dice(7);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(events.begin(), events.end(), dice);
    events.push_back(events.front());
    const auto again = Detect(events);
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].first, in_order[0].first);
    EXPECT_EQ(again[0].count, in_order[0].count);
    EXPECT_EQ(again[0].evidence.size(), in_order[0].evidence.size());
  }
}

TEST(AccountWatch, WhatWasToldIsNotToldAgain) {
  School school;
  for (const char* device : {"D-1", "D-2", "D-1", "D-2"}) {
    Use(school, device, Minutes(2));
  }
  Detector detector;
  EXPECT_EQ(
      OfAccounts(detector.OnEvents(school.events(), School::Start())).size(),
      1u);
  EXPECT_TRUE(
      OfAccounts(detector.OnEvents(school.events(), School::Start())).empty());
}

}  // namespace
}  // namespace schoolgate::collector
