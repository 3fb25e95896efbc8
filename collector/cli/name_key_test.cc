#include "collector/cli/name_key.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cli/setup.h"
#include "collector/fleet/name_shares.h"
#include "collector/fleet/secret_file.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

class NameKeyTest : public testing::Test {
 protected:
  NameKeyTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "sg-names-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    directory_.path = path_ + "/data";
  }
  ~NameKeyTest() override { std::filesystem::remove_all(path_); }

  absl::StatusOr<SetupResult> Made(bool recovery_sheet = false) {
    SetupRequest request;
    request.directory = directory_;
    request.school = "Oak";
    request.recovery_sheet = recovery_sheet;
    return collector::SetUp(request, platform::SystemClock().Now());
  }

  std::string PublicKey() {
    return *ReadSmallFile(directory_.SchoolFile("oak", "safeguarding.pub"));
  }

  // The key that two of the shares give, as its public half, or "".
  std::string Joined(const NewShare& a, const NewShare& b) {
    std::vector<seal::SecretShare> both;
    for (const NewShare& one : {a, b}) {
      auto share = OpenShareFile(*ReadSmallFile(one.file), one.passphrase);
      EXPECT_TRUE(share.ok()) << share.status();
      if (!share.ok()) return "";
      both.push_back(*std::move(share));
    }
    const auto secret = seal::JoinShares(both);
    if (!secret.ok()) return "";
    secret_ = seal::ToHex(*secret);
    const auto key = seal::BoxKey::FromSecret(*secret);
    return seal::ToHex(key->public_key()) + "\n";
  }

  // Files under the directory that hold the key in hex or as bytes.
  std::vector<std::string> FilesWith(const std::string& hex) {
    std::vector<std::string> found;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(path_)) {
      if (!entry.is_regular_file()) continue;
      const auto bytes = ReadSmallFile(entry.path().string());
      if (bytes.ok() && (absl::StrContains(*bytes, hex) ||
                         absl::StrContains(*bytes, *seal::FromHex(hex)))) {
        found.push_back(entry.path().filename().string());
      }
    }
    return found;
  }

  std::string path_, secret_;
  DataDirectory directory_;
};

TEST_F(NameKeyTest, SetupWritesSharesAndTheWholeKeyNowhere) {
  const auto made = Made();
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_EQ(made->shares.size(), 4u);
  EXPECT_EQ(made->shares[0].holder, "head");
  EXPECT_EQ(Joined(made->shares[0], made->shares[3]), PublicKey());
  EXPECT_EQ(FilesWith(secret_), std::vector<std::string>());
  const auto again = Made();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->shares.empty());
}

TEST_F(NameKeyTest, ARecoverySheetIsWrittenOnlyWhenAskedFor) {
  const auto made = Made(true);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(Joined(made->shares[1], made->shares[2]), PublicKey());
  EXPECT_EQ(FilesWith(secret_),
            std::vector<std::string>{"oak-name-key.recovery"});
}

TEST_F(NameKeyTest, AKeyFromBeforeBecomesSharesAndIsGone) {
  ASSERT_TRUE(Made(true).ok());
  const std::string old = directory_.TakeAway() + "/oak-safeguarding.key";
  std::filesystem::rename(directory_.TakeAway() + "/oak-name-key.recovery",
                          old);
  const auto shares = SplitKeyFile(directory_, "oak", "", {"head", "lead"});
  ASSERT_TRUE(shares.ok()) << shares.status();
  ASSERT_EQ(shares->size(), 2u);
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_EQ(Joined((*shares)[0], (*shares)[1]), PublicKey());
  EXPECT_EQ(FilesWith(secret_), std::vector<std::string>());
}

TEST_F(NameKeyTest, AnotherKeyIsLeftAlone) {
  ASSERT_TRUE(Made().ok());
  const std::string other = path_ + "/other.key";
  ASSERT_TRUE(WriteSecretFile(other, std::string(64, '7') + "\n").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(
      SplitKeyFile(directory_, "oak", other, {"head", "lead"}).status()));
  EXPECT_TRUE(absl::IsNotFound(
      SplitKeyFile(directory_, "oak", "", {"head", "lead"}).status()));
  EXPECT_TRUE(std::filesystem::exists(other));
}

}  // namespace
}  // namespace schoolgate::collector
