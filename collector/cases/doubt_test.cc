#include "collector/cases/doubt.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

constexpr int64_t kMinute = 60'000'000;

v1::Alert AboutTeacher(int64_t at_us) {
  v1::Alert alert;
  alert.set_id(7);
  alert.set_school("oak");
  alert.set_subject("P-TEACHER");
  v1::AlertEvidence* line = alert.add_evidence();
  line->set_device("D-1");
  line->set_time_unix_us(at_us);
  return alert;
}

v1::Alert StaffAccountOn(const char* device, const char* account) {
  v1::Alert alert;
  alert.set_id(3);
  alert.set_school("oak");
  alert.set_rule("staff_account");
  alert.set_subject(device);
  alert.set_device(device);
  alert.set_device_name("room5-03");
  alert.set_first_unix_us(100 * kMinute);
  alert.set_last_unix_us(115 * kMinute);
  alert.set_key(std::string("oak|") + account + "|staff_account|" + device);
  return alert;
}

// A pupil with the teacher's password would have the teacher accused.
TEST(Doubt, AnAlertOfThatTimeSaysThatItMayHaveBeenSomebodyElse) {
  const v1::Alert sitting = StaffAccountOn("D-1", "P-TEACHER");
  const std::string words =
      DoubtAbout(AboutTeacher(104 * kMinute), {&sitting, 1});
  EXPECT_NE(words.find("room5-03"), std::string::npos) << words;
  EXPECT_NE(words.find("alert 3"), std::string::npos) << words;
}

// Whoever borrowed a colleague's laptop may not have been who they seem.
TEST(Doubt, SomebodyElsesDeviceIsSaidAlong) {
  v1::Alert sitting = StaffAccountOn("D-1", "P-TEACHER");
  sitting.set_rule("not_assigned");
  sitting.set_key("oak|P-TEACHER|not_assigned|D-1");
  const std::string words =
      DoubtAbout(AboutTeacher(104 * kMinute), {&sitting, 1});
  EXPECT_NE(words.find("somebody else's device room5-03"), std::string::npos)
      << words;
}

// Nobody is excused by what another account, device or day was.
TEST(Doubt, OtherAccountsDevicesAndDaysSayNothing) {
  v1::Alert sitting = StaffAccountOn("D-1", "P-OTHER");
  EXPECT_EQ(DoubtAbout(AboutTeacher(104 * kMinute), {&sitting, 1}), "");
  sitting = StaffAccountOn("D-2", "P-TEACHER");
  EXPECT_EQ(DoubtAbout(AboutTeacher(104 * kMinute), {&sitting, 1}), "");
  sitting = StaffAccountOn("D-1", "P-TEACHER");
  EXPECT_EQ(DoubtAbout(AboutTeacher(1540 * kMinute), {&sitting, 1}), "");
  sitting.set_rule("other_account");
  EXPECT_EQ(DoubtAbout(AboutTeacher(104 * kMinute), {&sitting, 1}), "");
  sitting.set_rule("not_assigned");
  EXPECT_EQ(DoubtAbout(AboutTeacher(104 * kMinute), {&sitting, 1}), "");
}

}  // namespace
}  // namespace schoolgate::collector
