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

// A class whose every try was blocked would be said to have been there.
TEST(ClassEvents, WhatWasBlockedIsNotSaidToHaveBeenAllowed) {
  ClassEvents events(absl::UTCTimeZone());
  for (int device = 0; device < 5; ++device) {
    Act act = Brought(device, kMorning + device * absl::Minutes(1));
    act.page_hash = 0;
    act.action = v1::ACTION_BLOCK;
    events.Add({"school", absl::StrCat("person-", device)}, "games", act);
  }
  const auto found = events.Settle();
  ASSERT_EQ(found.size(), 1u);
  ASSERT_EQ(found[0].evidence.size(), 5u);
  for (const v1::AlertEvidence& line : found[0].evidence) {
    EXPECT_EQ(line.action(), "blocked");
    EXPECT_EQ(line.sentence(),
              "Tried to reach a.adverts.example; it was blocked.");
  }
}

}  // namespace
}  // namespace schoolgate::collector
