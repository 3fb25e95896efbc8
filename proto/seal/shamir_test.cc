#include "proto/seal/shamir.h"

#include <gtest/gtest.h>

#include <array>

#include "proto/seal/keys.h"

namespace schoolgate::seal {
namespace {

TEST(FieldProduct, GivesTheKnownAnswersOfTheField) {
  // FIPS 197, section 4.2.
  EXPECT_EQ(FieldProduct(0x57, 0x83), 0xc1);
  EXPECT_EQ(FieldProduct(0x57, 0x13), 0xfe);
  EXPECT_EQ(FieldProduct(0x57, 0x02), 0xae);
  EXPECT_EQ(FieldProduct(0x53, 0xca), 0x01);
  EXPECT_EQ(FieldProduct(0, 0xff), 0);
  EXPECT_EQ(FieldProduct(1, 0xff), 0xff);
}

TEST(FieldProduct, IsCommutativeAndDistributes) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const auto x = static_cast<uint8_t>(a), y = static_cast<uint8_t>(b);
      ASSERT_EQ(FieldProduct(x, y), FieldProduct(y, x));
      ASSERT_EQ(FieldProduct(x, y ^ 0x35),
                FieldProduct(x, y) ^ FieldProduct(x, 0x35));
    }
  }
}

TEST(Shares, AreThoseComputedByHand) {
  // 0x42 + 0x57 x at 1, 2 and 3.
  const std::array coefficients = {std::string("\x57")};
  const auto shares = SharesOf("\x42", coefficients, 3);
  ASSERT_EQ(shares.size(), 3u);
  EXPECT_EQ(shares[0].bytes, "\x15");
  EXPECT_EQ(shares[1].bytes, "\xec");
  EXPECT_EQ(shares[2].bytes, "\xbb");
  EXPECT_EQ(shares[2].number, 3);
}

TEST(Shares, AnyTwoOfManyGiveTheSecret) {
  for (int count = 2; count <= 6; ++count) {
    const std::string secret = RandomBytes(32);
    const auto shares = SplitSecret(secret, 2, count);
    ASSERT_TRUE(shares.ok());
    for (const SecretShare& a : *shares) {
      for (const SecretShare& b : *shares) {
        const std::array pair = {a, b};
        if (a.number == b.number) {
          EXPECT_FALSE(JoinShares(pair).ok());
        } else {
          EXPECT_EQ(*JoinShares(pair), secret);
        }
      }
    }
  }
}

TEST(Shares, ThreeOfFiveNeedThree) {
  const std::string secret = RandomBytes(32);
  const auto shares = SplitSecret(secret, 3, 5);
  ASSERT_TRUE(shares.ok());
  EXPECT_EQ(*JoinShares(std::span(*shares).subspan(1, 3)), secret);
  EXPECT_EQ(*JoinShares(*shares), secret);
  EXPECT_NE(*JoinShares(std::span(*shares).first(2)), secret);
}

// With one share every secret is as likely as any other: for each there is
// just one coefficient that makes this share of it.
TEST(Shares, OneSaysNothing) {
  for (int number = 1; number <= 255; number += 127) {
    std::array<bool, 256> seen{};
    for (int coefficient = 0; coefficient < 256; ++coefficient) {
      const std::array line = {std::string(1, static_cast<char>(coefficient))};
      const auto shares = SharesOf(std::string(1, '\0'), line, number);
      seen[static_cast<uint8_t>(shares.back().bytes[0])] = true;
    }
    for (const bool one : seen) EXPECT_TRUE(one);
  }
}

TEST(Shares, OfTwoSplittingsGiveAnotherSecret) {
  const std::string secret = RandomBytes(32);
  const auto one = SplitSecret(secret, 2, 2), other = SplitSecret(secret, 2, 2);
  ASSERT_TRUE(one.ok() && other.ok());
  const std::array mixed = {(*one)[0], (*other)[1]};
  EXPECT_NE(*JoinShares(mixed), secret);
}

TEST(Shares, RefuseWhatIsNoSplitting) {
  EXPECT_FALSE(SplitSecret("", 2, 3).ok());
  EXPECT_FALSE(SplitSecret("secret", 1, 3).ok());
  EXPECT_FALSE(SplitSecret("secret", 4, 3).ok());
  EXPECT_FALSE(SplitSecret("secret", 2, 256).ok());
  EXPECT_TRUE(SplitSecret("secret", 2, 255).ok());
  const std::array uneven = {SecretShare{1, "a"}, SecretShare{2, "ab"}};
  EXPECT_FALSE(JoinShares(uneven).ok());
  const std::array zero = {SecretShare{0, "a"}, SecretShare{2, "b"}};
  EXPECT_FALSE(JoinShares(zero).ok());
}

}  // namespace
}  // namespace schoolgate::seal
