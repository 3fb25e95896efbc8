// A record would be lost or changed on its way; or a hostile neighbour would
// make us read or write where we must not.
#include "agent/labels/ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace schoolgate::agent {
namespace {

constexpr RingShape kShape{.slots = 4, .slot_bytes = 32};

class RingTest : public testing::Test {
 protected:
  std::span<std::byte> memory() { return {memory_.data(), kShape.bytes()}; }
  RingHead& head() { return *reinterpret_cast<RingHead*>(memory_.data()); }

  bool Push(const std::string& text) {
    return writer_.Push(std::as_bytes(std::span(text)));
  }
  std::string Pop() {
    std::array<std::byte, 32> room;
    const auto got = reader_.Pop(room);
    return {reinterpret_cast<const char*>(got.data()), got.size()};
  }

  // What lies behind the ring must stay as it is.
  alignas(64) std::array<std::byte, 4096> memory_{};
  RingWriter writer_{memory(), kShape};
  RingReader reader_{memory(), kShape};
};

TEST_F(RingTest, KeepsOrderOverManyTurns) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(Push("a" + std::to_string(i)));
    ASSERT_TRUE(Push("b" + std::to_string(i)));
    ASSERT_EQ(Pop(), "a" + std::to_string(i));
    ASSERT_EQ(Pop(), "b" + std::to_string(i));
    ASSERT_EQ(Pop(), "");
  }
}

TEST_F(RingTest, RefusesWhenFullAndTakesAgainWhenNot) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Push("x"));
  EXPECT_FALSE(writer_.HasRoom());
  EXPECT_FALSE(Push("one too many"));
  EXPECT_FALSE(writer_.broken());
  EXPECT_EQ(Pop(), "x");
  EXPECT_TRUE(Push("y"));
  EXPECT_FALSE(Push("z"));
}

TEST_F(RingTest, TakesTheLongestRecordAndRefusesALongerOne) {
  EXPECT_TRUE(Push(std::string(28, 'l')));
  EXPECT_FALSE(Push(std::string(29, 'l')));
  const std::string half(20, 'h');
  EXPECT_FALSE(writer_.Push(std::as_bytes(std::span(half)),
                            std::as_bytes(std::span(half))));
  EXPECT_EQ(Pop(), std::string(28, 'l'));
  for (size_t i = kShape.bytes(); i < memory_.size(); ++i) {
    ASSERT_EQ(memory_[i], std::byte{0});
  }
}

// Otherwise a worker could make the agent write beyond the ring.
TEST_F(RingTest, AWriterStopsAtACounterThatMakesNoSense) {
  EXPECT_TRUE(Push("x"));
  for (const uint64_t lie : {uint64_t{2}, uint64_t{5}, ~uint64_t{0}}) {
    RingWriter writer(memory(), kShape);
    head().taken.store(lie);
    EXPECT_EQ(writer.taken(), 0u);
    EXPECT_TRUE(writer.broken());
    EXPECT_FALSE(writer.HasRoom());
    EXPECT_FALSE(writer.Push(std::as_bytes(std::span("x", 1))));
  }
}

TEST_F(RingTest, AReaderStopsAtACounterThatMakesNoSense) {
  head().written.store(5);
  EXPECT_EQ(Pop(), "");
  EXPECT_TRUE(reader_.broken());
  head().written.store(1);
  EXPECT_EQ(Pop(), "");  // once broken, always
}

TEST_F(RingTest, AReaderStopsAtALengthThatMakesNoSense) {
  for (const uint32_t lie : {0u, 29u, 0xffffffffu}) {
    RingReader reader(memory(), kShape);
    std::memcpy(memory_.data() + sizeof(RingHead), &lie, sizeof lie);
    head().written.store(1);
    std::array<std::byte, 32> room;
    EXPECT_TRUE(reader.Pop(room).empty());
    EXPECT_TRUE(reader.broken()) << lie;
  }
}

// Whatever a hostile side writes, at any time: nothing outside is touched.
TEST_F(RingTest, AnyBytesAtAllStayInside) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20000; ++round) {
    for (size_t i = 0; i < 8; ++i) {
      const uint64_t at = random() % kShape.bytes();
      memory_[at] = static_cast<std::byte>(random() % 4 == 0 ? random() : 0);
    }
    RingWriter writer(memory(), kShape);
    RingReader reader(memory(), kShape);
    std::array<std::byte, 28> room;
    (void)reader.Pop(room);
    (void)writer.Push(std::as_bytes(std::span("hello", 5)));
    (void)reader.Pop(room);
    for (size_t i = kShape.bytes(); i < memory_.size(); ++i) {
      ASSERT_EQ(memory_[i], std::byte{0}) << round;
    }
  }
}

// Who goes to sleep is woken, or told that there is something already.
TEST_F(RingTest, SleepersAreSeen) {
  EXPECT_TRUE(reader_.MaySleep());
  EXPECT_TRUE(Push("x"));
  EXPECT_TRUE(writer_.ReaderSleeps());
  EXPECT_FALSE(writer_.ReaderSleeps());
  EXPECT_FALSE(reader_.MaySleep());
  reader_.Awake();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Push("y"));
  EXPECT_TRUE(writer_.MaySleep());
  EXPECT_EQ(Pop(), "x");
  EXPECT_TRUE(reader_.WriterSleeps());
  EXPECT_FALSE(writer_.MaySleep());
}

TEST_F(RingTest, TwoThreadsLoseNothing) {
  constexpr uint32_t kMany = 5000;
  std::thread other([this] {
    for (uint32_t i = 1; i <= kMany; ++i) {
      while (!writer_.Push(std::as_bytes(std::span(&i, 1)))) {
        std::this_thread::yield();
      }
    }
  });
  uint32_t want = 1;
  std::array<std::byte, 32> room;
  while (want <= kMany) {
    const auto got = reader_.Pop(room);
    if (got.empty()) {
      ASSERT_FALSE(reader_.broken());
      std::this_thread::yield();
      continue;
    }
    uint32_t value = 0;
    std::memcpy(&value, got.data(), sizeof value);
    EXPECT_EQ(value, want);
    if (value != want) break;
    ++want;
  }
  other.join();
}

}  // namespace
}  // namespace schoolgate::agent
