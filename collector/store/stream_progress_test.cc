#include "collector/store/stream_progress.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace schoolgate::collector {
namespace {

TEST(StreamProgressTest, AgreesWithASetWhateverTheOrder) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    StreamProgress progress;
    std::set<uint64_t> model;
    for (int step = 0; step < 60; ++step) {
      const uint64_t first = 1 + random() % 80;
      const uint64_t last = first + random() % 6;
      ASSERT_TRUE(progress.Add(first, last));
      for (uint64_t i = first; i <= last; ++i) model.insert(i);
      if (step % 10 == 0) {
        progress =
            StreamProgress::From(progress.durable(), progress.Ranges()).value();
      }
    }
    uint64_t frontier = 0;
    while (model.count(frontier + 1) != 0) ++frontier;
    EXPECT_EQ(progress.durable(), frontier) << "seed " << seed;
    for (uint64_t i = 1; i < 100; ++i) {
      EXPECT_EQ(progress.Has(i), model.count(i) != 0) << seed << ": " << i;
    }
  }
}

TEST(StreamProgressTest, MemoryIsBoundedAndNothingGetsStuck) {
  StreamProgress progress;
  for (uint64_t i = 1; i <= 10 * StreamProgress::kMaxRanges; ++i) {
    ASSERT_TRUE(progress.Add(3 * i, 3 * i));
  }
  EXPECT_LE(progress.Ranges().size(), StreamProgress::kMaxRanges * 16);
  EXPECT_GT(progress.durable(), 0u);
}

TEST(StreamProgressTest, RefusesWhatNoDeviceSends) {
  StreamProgress progress;
  EXPECT_FALSE(progress.Add(0, 0));
  EXPECT_FALSE(progress.Add(5, 4));
  EXPECT_FALSE(progress.Add(5, UINT64_MAX));
  EXPECT_TRUE(progress.Has(0));
  EXPECT_FALSE(StreamProgress::From(0, "short").has_value());
}

}  // namespace
}  // namespace schoolgate::collector
