// A time that is read otherwise than it was meant lets devices in for longer,
// or reports about other days.
#include "platform/written_time.h"

#include <gtest/gtest.h>

namespace schoolgate::platform {
namespace {

TEST(WrittenTime, ReadsInstantsOfEveryZone) {
  const absl::Time nine =
      absl::FromCivil(absl::CivilHour(2026, 11, 20, 9), absl::UTCTimeZone());
  EXPECT_EQ(ReadInstant("2026-11-20T09:00:00Z"), nine);
  EXPECT_EQ(ReadInstant("2026-11-20T10:00:00+01:00"), nine);
  EXPECT_EQ(ReadInstant("2026-11-20T09:00:00.5Z"),
            nine + absl::Milliseconds(500));
  for (const char* text :
       {"", "2026-11-20", "2026-11-20T09:00:00", "2026-13-20T09:00:00Z",
        " 2026-11-20T09:00:00Z", "infinite-future", "tomorrow"}) {
    EXPECT_FALSE(ReadInstant(text).has_value()) << text;
  }
}

TEST(WrittenTime, ReadsDaysThatThereAre) {
  EXPECT_EQ(ReadDay("2024-02-29"), absl::CivilDay(2024, 2, 29));
  for (const char* text : {"", "1st", "2026-02-29", "2026-2-1", "20260201",
                           "2026-02-01T00:00:00Z", " 2026-02-0"}) {
    EXPECT_FALSE(ReadDay(text).has_value()) << text;
  }
}

TEST(WrittenTime, ReadsSpans) {
  EXPECT_EQ(ReadSpan("14d"), absl::Hours(24) * 14);
  EXPECT_EQ(ReadSpan("36h"), absl::Hours(36));
  EXPECT_EQ(ReadSpan("1h30m"), absl::Minutes(90));
  EXPECT_EQ(ReadSpan("0s"), absl::ZeroDuration());
  for (const char* text : {"", "d", "soon", "-3h", "inf", "14", "1.5d"}) {
    EXPECT_FALSE(ReadSpan(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace schoolgate::platform
