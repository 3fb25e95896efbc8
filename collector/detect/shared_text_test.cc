#include "collector/detect/shared_text.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>
#include <vector>

namespace schoolgate::collector {
namespace {

TEST(SharedTextTest, OneCopyIsHeldUntilTheLastGoes) {
  const size_t before = SharedText::held();
  {
    SharedText one("bet.example");
    const SharedText other(std::string("bet.example"));
    EXPECT_EQ(&one.str(), &other.str());
    EXPECT_EQ(SharedText::held(), before + 1);
    one = "news.example";
    EXPECT_EQ(SharedText::held(), before + 2);
    EXPECT_EQ(other.str(), "bet.example");
    one = other;
    EXPECT_EQ(SharedText::held(), before + 1);
  }
  EXPECT_EQ(SharedText::held(), before);
}

TEST(SharedTextTest, NothingIsHeldForNoText) {
  const size_t before = SharedText::held();
  const SharedText none, empty("");
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none, empty);
  EXPECT_EQ(none.str(), "");
  EXPECT_EQ(SharedText::held(), before);
}

TEST(SharedTextTest, TheyCompareAsTheirTextsDo) {
  const std::vector<std::string> texts = {"", "a", "ab", "b", "A", "a\xff"};
  for (const std::string& a : texts) {
    for (const std::string& b : texts) {
      EXPECT_EQ(SharedText(a) < SharedText(b), a < b) << a << ' ' << b;
      EXPECT_EQ(SharedText(a) == SharedText(b), a == b) << a << ' ' << b;
    }
  }
}

// Found and let go of at the same time.
TEST(SharedTextTest, ThreadsMayTakeAndLeaveTheSameTexts) {
  const size_t before = SharedText::held();
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([seed] {
      std::mt19937 random(seed);
      std::vector<SharedText> mine(8);
      for (int i = 0; i < 20'000; ++i) {
        SharedText& place = mine[random() % mine.size()];
        const std::string text = "host" + std::to_string(random() % 4);
        place = text;
        ASSERT_EQ(place.str(), text);
        mine[random() % mine.size()] = place;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(SharedText::held(), before);
}

}  // namespace
}  // namespace schoolgate::collector
