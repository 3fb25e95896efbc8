#include "collector/web/totp.h"

#include <gtest/gtest.h>

#include <set>

namespace schoolgate::collector {
namespace {

constexpr char kSecret[] = "12345678901234567890";

// RFC 6238, appendix B (its eight digits, cut to our six): an authenticator
// program would show other codes than we take.
TEST(Totp, GivesTheStandardsCodes) {
  const auto code = [](int64_t seconds) {
    return TotpCode(kSecret, TotpStep(absl::FromUnixSeconds(seconds)));
  };
  EXPECT_EQ(code(59), "287082");
  EXPECT_EQ(code(1111111109), "081804");
  EXPECT_EQ(code(1111111111), "050471");
  EXPECT_EQ(code(1234567890), "005924");
  EXPECT_EQ(code(2000000000), "279037");
  EXPECT_EQ(code(20000000000), "353130");
}

TEST(Totp, ClocksMayDifferByHalfAMinuteNotMore) {
  const absl::Time now = absl::FromUnixSeconds(1111111111);
  for (const int64_t off : {-1, 0, 1}) {
    const int64_t step = TotpStep(now) + off;
    EXPECT_EQ(TotpStepOf(kSecret, TotpCode(kSecret, step), now), step);
  }
  for (const int64_t off : {-2, 2}) {
    const std::string code = TotpCode(kSecret, TotpStep(now) + off);
    EXPECT_EQ(TotpStepOf(kSecret, code, now), std::nullopt);
  }
  EXPECT_EQ(TotpStepOf(kSecret, "", now), std::nullopt);
  EXPECT_EQ(TotpStepOf(kSecret, "05047", now), std::nullopt);
}

TEST(Totp, Base32IsTheStandards) {
  EXPECT_EQ(Base32("foobar"), "MZXW6YTBOI");
  EXPECT_EQ(Base32("fooba"), "MZXW6YTB");
  EXPECT_EQ(Base32("f"), "MY");
  EXPECT_EQ(Base32(kSecret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

TEST(Totp, RecoveryCodesAreManyAndForgiving) {
  const std::vector<std::string> codes = MakeRecoveryCodes();
  EXPECT_EQ(std::set<std::string>(codes.begin(), codes.end()).size(), 10u);
  EXPECT_EQ(codes[0].size(), 9u);
  EXPECT_EQ(RecoveryHash("AB cd-22 33"), RecoveryHash("abcd-2233"));
  EXPECT_NE(RecoveryHash("abcd-2233"), RecoveryHash("abcd-2234"));
}

}  // namespace
}  // namespace schoolgate::collector
