#include "collector/detect/class_events.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

const absl::Time kMorning = absl::FromUnixSeconds(1'790'000'000);
constexpr uint64_t kPage = 77;

Act Brought(int device, absl::Time at) {
  Act act;
  act.start = at;
  act.device = absl::StrCat("laptop-", device);
  act.service = "adverts.example";
  act.host = "a.adverts.example";
  act.page_hash = kPage;
  return act;
}

// Hours apart, so that they are no class event.
void BringOnThreeDevices(ClassEvents* events) {
  for (int device = 0; device < 3; ++device) {
    events->Add({"school", absl::StrCat("person-", device)}, "gambling",
                Brought(device, kMorning + device * absl::Hours(1)));
  }
}

TEST(ClassEvents, APageThatBringsAServiceOnThreeDevicesExcusesIt) {
  ClassEvents events(absl::UTCTimeZone());
  const Act later = Brought(9, kMorning + absl::Hours(30));
  EXPECT_FALSE(events.Excuses("school", later));
  BringOnThreeDevices(&events);
  EXPECT_TRUE(events.Excuses("school", later));
  EXPECT_FALSE(events.Excuses("another school", later));
}

TEST(ClassEvents, APageThatIsSeenStaysKnownAndOneThatIsNotIsForgotten) {
  ClassEvents events(absl::UTCTimeZone());
  BringOnThreeDevices(&events);
  const absl::Time next_week = kMorning + absl::Hours(24 * 7);
  events.Add({"school", "person-0"}, "gambling", Brought(0, next_week));
  events.Forget(next_week - absl::Hours(1));
  EXPECT_TRUE(events.Excuses("school", Brought(9, next_week)));
  events.Forget(next_week + absl::Hours(1));
  EXPECT_FALSE(events.Excuses("school", Brought(9, next_week)));
}

}  // namespace
}  // namespace schoolgate::collector
