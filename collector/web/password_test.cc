#include "collector/web/password.h"

#include <gtest/gtest.h>

namespace schoolgate::collector {
namespace {

TEST(Password, FitsItsOwnHashOnly) {
  auto hash = HashPassword("seven purple lanterns");
  ASSERT_TRUE(hash.ok());
  EXPECT_TRUE(hash->starts_with("$argon2id$")) << *hash;
  EXPECT_TRUE(PasswordFits(*hash, "seven purple lanterns"));
  EXPECT_FALSE(PasswordFits(*hash, "seven purple lantern"));
  EXPECT_FALSE(PasswordFits(*hash, ""));
}

// An account without a usable hash must not be open to any password.
TEST(Password, NothingFitsNoHash) {
  EXPECT_FALSE(PasswordFits("", ""));
  EXPECT_FALSE(PasswordFits("", "anything"));
  EXPECT_FALSE(PasswordFits("$argon2id$", "anything"));
  EXPECT_FALSE(PasswordFits(std::string(5000, 'x'), "anything"));
}

TEST(Password, WeakOnesAreRefusedWithAReason) {
  for (const char* weak : {"", "short", "aaaaaaaaaaaaaaaa", "my-lead-account-x",
                           "Password12345678", "Schoolgate-2026"}) {
    EXPECT_FALSE(CheckNewPassword("lead", weak).ok()) << weak;
  }
  EXPECT_FALSE(CheckNewPassword("lead", std::string(257, 'a') + "bcdef").ok());
  EXPECT_TRUE(CheckNewPassword("lead", "seven purple lanterns").ok());
}

TEST(Password, OneTimePasswordsDifferAndPassTheirOwnCheck) {
  const std::string one = MakeOneTimePassword();
  EXPECT_NE(one, MakeOneTimePassword());
  EXPECT_EQ(one.size(), 19u);
  EXPECT_TRUE(CheckNewPassword("lead", one).ok()) << one;
}

}  // namespace
}  // namespace schoolgate::collector
