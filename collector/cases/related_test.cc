#include "collector/cases/related.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const absl::Time kNoon = absl::FromUnixSeconds(1'795'435'200);

v1::Alert About(const std::string& subject, const std::string& device,
                const std::string& host, absl::Time time, uint64_t id) {
  v1::Alert alert;
  alert.set_id(id);
  alert.set_subject(subject);
  alert.set_device(device);
  alert.set_severity(v1::SEVERITY_RULE_BREAK);
  v1::AlertEvidence* line = alert.add_evidence();
  line->set_time_unix_us(absl::ToUnixMicros(time));
  line->set_host(host);
  line->set_device(device);
  return alert;
}

StoredEvent Contact(const std::string& person, const std::string& device,
                    const std::string& host, absl::Time time) {
  StoredEvent event;
  event.device = device;
  event.happened = time;
  event.event.mutable_person()->set_pseudonym(person);
  event.event.mutable_contact()->set_host(host);
  return event;
}

// One pupil would be asked about what half the class had on its screens.
TEST(Related, CountsOtherDevicesAtTheSameHostsAndTime) {
  const v1::Alert alert = About("P-1", "D-1", "www.bet.test", kNoon, 1);
  std::vector<StoredEvent> events = {
      Contact("P-2", "D-2", "bet.test", kNoon + absl::Minutes(9)),
      Contact("P-2", "D-2", "bet.test", kNoon - absl::Minutes(3)),
      Contact("P-3", "D-3", "www.bet.test", kNoon),
      Contact("P-4", "D-4", "www.bet.test", kNoon + absl::Minutes(11)),
      Contact("P-5", "D-5", "notbet.test", kNoon),
      Contact("P-1", "D-6", "bet.test", kNoon),
      Contact("P-7", "D-1", "bet.test", kNoon)};
  events.push_back(Contact("P-8", "D-8", "bet.test", kNoon));
  events.back().event.mutable_contact()->set_process(v1::PROCESS_KIND_OTHER);
  events.push_back(Contact("P-9", "D-9", "", kNoon));
  events.back().event.mutable_episode()->set_service("bet.test");
  const auto others = OthersAt(alert, events);
  ASSERT_EQ(others.size(), 1u);
  const SameHost& one = others.at("www.bet.test");
  EXPECT_THAT(one.devices, UnorderedElementsAre("D-2", "D-3", "D-9"));
  EXPECT_EQ(one.first, kNoon - absl::Minutes(3));
  EXPECT_EQ(one.last, kNoon + absl::Minutes(9));
}

TEST(Related, OtherAlertsShareHostsOnlyAtTheSameTime) {
  const v1::Alert alert = About("P-1", "D-1", "www.bet.test", kNoon, 1);
  const auto shared = [&](const v1::Alert& other) {
    return SharedHosts(alert, other);
  };
  EXPECT_THAT(shared(About("P-2", "D-2", "bet.test", kNoon, 2)),
              ElementsAre("www.bet.test"));
  EXPECT_THAT(
      shared(About("P-2", "D-2", "bet.test", kNoon + absl::Hours(1), 2)),
      IsEmpty());
  EXPECT_THAT(shared(About("P-1", "D-2", "bet.test", kNoon, 2)), IsEmpty());
  v1::Alert sealed = About("P-2", "D-2", "bet.test", kNoon, 2);
  sealed.set_severity(v1::SEVERITY_ILLEGAL);
  EXPECT_THAT(shared(sealed), IsEmpty());
}

// An alert of a hundred contacts would read the whole week's events.
TEST(Related, TimesAreJoinedAndTheNewestFewOnly) {
  v1::Alert alert = About("P-1", "D-1", "a.test", kNoon, 1);
  for (int i = 1; i < 50; ++i) {
    v1::AlertEvidence* line = alert.add_evidence();
    line->set_host("a.test");
    line->set_time_unix_us(
        absl::ToUnixMicros(kNoon + absl::Hours(i / 2) + absl::Minutes(i % 2)));
  }
  const std::vector<TimeSpan> times = TimesOf(alert);
  ASSERT_EQ(times.size(), kMostTimes);
  EXPECT_EQ(times[0].to, kNoon + absl::Hours(24) + absl::Minutes(11));
  EXPECT_EQ(times[0].from, kNoon + absl::Hours(24) - absl::Minutes(10));
  alert.set_severity(v1::SEVERITY_ILLEGAL);
  EXPECT_THAT(TimesOf(alert), IsEmpty());
}

}  // namespace
}  // namespace schoolgate::collector
