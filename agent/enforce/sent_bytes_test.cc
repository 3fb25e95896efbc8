#include "agent/enforce/sent_bytes.h"

#include <gtest/gtest.h>

#include <string>

namespace schoolgate::agent {
namespace {

class SentBytesTest : public testing::Test {
 protected:
  bool Add(uint32_t at, const std::string& text) {
    return sent_.Add(
        kStart + at,
        {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }

  static constexpr uint32_t kStart = 0xfffffffa;  // wraps around on the way
  SentBytes sent_;
};

// Otherwise every lost packet would cut a connection.
TEST_F(SentBytesTest, WhatIsSentAgainAsItWasIsFine) {
  EXPECT_TRUE(Add(0, "one two"));
  EXPECT_TRUE(Add(7, " three"));
  EXPECT_TRUE(Add(4, "two thr"));
  EXPECT_TRUE(Add(4, "two three four"));
  EXPECT_TRUE(Add(14, "four"));
}

// Otherwise a name could be exchanged after it was judged.
TEST_F(SentBytesTest, OtherBytesInTheSamePlaceAreNot) {
  EXPECT_TRUE(Add(0, "one two three"));
  EXPECT_FALSE(Add(4, "TWO"));
  EXPECT_FALSE(Add(12, "E and more"));
  EXPECT_TRUE(Add(13, " four"));
  EXPECT_FALSE(Add(13, " five"));
}

TEST_F(SentBytesTest, KeepsTheLastAndNoMore) {
  const std::string piece(1000, 'a');
  for (uint32_t i = 0; i < 100; ++i) EXPECT_TRUE(Add(i * 1000, piece));
  EXPECT_FALSE(Add(95'000, std::string(1000, 'b')));
  EXPECT_TRUE(Add(1000, std::string(1000, 'b'))) << "long forgotten";
  EXPECT_TRUE(Add(200'000, "far ahead"));
  EXPECT_TRUE(Add(100'000, piece));
}

}  // namespace
}  // namespace schoolgate::agent
