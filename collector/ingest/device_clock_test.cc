#include "collector/ingest/device_clock.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'795'424'400);

v1::Hello HelloAt(absl::Time wall, absl::Duration since_boot) {
  v1::Hello hello;
  hello.set_time_unix_us(absl::ToUnixMicros(wall));
  hello.set_boot_id("boot-7");
  hello.set_boot_us(absl::ToInt64Microseconds(since_boot));
  return hello;
}

v1::Event EventAt(const std::string& boot, absl::Duration since_boot,
                  absl::Time wall) {
  v1::Event event;
  event.set_boot_id(boot);
  event.set_boot_us(absl::ToInt64Microseconds(since_boot));
  event.set_time_unix_us(absl::ToUnixMicros(wall));
  return event;
}

TEST(DeviceClockTest, AClockOf1970DoesNotMoveAnEvent) {
  const DeviceClock clock(HelloAt(absl::UnixEpoch(), absl::Hours(2)), kNow);
  EXPECT_EQ(clock.Happened(EventAt("boot-7", absl::Hours(1), absl::UnixEpoch()),
                           kNow),
            kNow - absl::Hours(1));
}

TEST(DeviceClockTest, AnEarlierBootIsDatedByTheWallClockLessItsError) {
  const DeviceClock clock(HelloAt(kNow + absl::Minutes(5), absl::Hours(2)),
                          kNow);
  EXPECT_EQ(clock.offset(), absl::Minutes(5));
  const absl::Time wall = kNow - absl::Hours(24 * 40);
  EXPECT_EQ(clock.Happened(EventAt("boot-6", absl::Hours(1), wall), kNow),
            wall - absl::Minutes(5));
}

TEST(DeviceClockTest, NothingHappensInTheFutureOrBeforeWeExisted) {
  const DeviceClock clock(HelloAt(kNow, absl::Hours(2)), kNow);
  EXPECT_EQ(clock.Happened(EventAt("boot-6", {}, kNow + absl::Hours(24 * 3650)),
                           kNow),
            kNow);
  EXPECT_EQ(clock.Happened(EventAt("boot-6", {}, absl::UnixEpoch()), kNow),
            kNow);
}

TEST(DeviceClockTest, ADeviceThatSaysNothingIsTakenAtItsWord) {
  const DeviceClock clock(v1::Hello(), kNow);
  const absl::Time wall = kNow - absl::Hours(3);
  EXPECT_EQ(clock.Happened(EventAt("boot-6", {}, wall), kNow), wall);
}

}  // namespace
}  // namespace schoolgate::collector
