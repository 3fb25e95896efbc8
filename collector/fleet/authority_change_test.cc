#include "collector/fleet/authority_change.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "collector/fleet/authority.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(AuthorityChange, TrustsBothUntilItEnds) {
  const Scratch scratch;
  const auto old = Authority::Create(scratch.path(), "Old", kNow);
  ASSERT_TRUE(old.ok());
  EXPECT_FALSE(AuthorityChangeBegun(scratch.path()).ok());
  EXPECT_FALSE(EndAuthorityChange(scratch.path()).ok());
  ASSERT_TRUE(BeginAuthorityChange(scratch.path(), "New", kNow).ok());
  const auto both = Authority::Load(scratch.path());
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_NE((*both)->fingerprint(), (*old)->fingerprint());
  EXPECT_TRUE(both.value()->certificates_pem().ends_with(
      old.value()->certificates_pem()));
  EXPECT_TRUE(absl::IsAlreadyExists(
      BeginAuthorityChange(scratch.path(), "Third", kNow)));
  ASSERT_TRUE(EndAuthorityChange(scratch.path()).ok());
  const auto after = Authority::Load(scratch.path());
  ASSERT_TRUE(after.ok());
  EXPECT_EQ((*after)->fingerprint(), (*both)->fingerprint());
  EXPECT_EQ(after.value()->certificates_pem(),
            ReadSmallFile(scratch.File("ca.crt")).value());
}

// Otherwise a power cut would leave a key and a certificate that do not belong
// together, and a collector that does not start.
TEST(AuthorityChange, GoesOnWhereItWasCutOff) {
  for (const bool key_was_moved : {false, true}) {
    const Scratch scratch;
    ASSERT_TRUE(Authority::Create(scratch.path(), "Old", kNow).ok());
    const std::string old = ReadSmallFile(scratch.File("ca.crt")).value();
    const std::string next = scratch.File("next");
    ASSERT_TRUE(MakePrivateDirectory(next).ok());
    const auto made = Authority::Create(next, "New", kNow);
    ASSERT_TRUE(made.ok());
    ASSERT_TRUE(WriteSecretFile(scratch.File("ca-old.crt"), old).ok());
    if (key_was_moved) {
      std::filesystem::rename(next + "/ca.key", scratch.File("ca.key"));
      EXPECT_FALSE(Authority::Load(scratch.path()).ok());
    }
    ASSERT_TRUE(BeginAuthorityChange(scratch.path(), "Other", kNow).ok());
    const auto after = Authority::Load(scratch.path());
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ((*after)->fingerprint(), (*made)->fingerprint());
    EXPECT_EQ(ReadSmallFile(scratch.File("ca-old.crt")).value(), old);
    EXPECT_FALSE(std::filesystem::exists(next));
  }
}

}  // namespace
}  // namespace schoolgate::collector
