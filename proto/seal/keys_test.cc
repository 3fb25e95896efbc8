// What would go wrong for a user: a device loses its identity, a key file can
// be read by others, or a person's name can be had back from a pseudonym.
#include "proto/seal/keys.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <thread>

#include "platform/whole_file.h"
#include "proto/seal/crc32c.h"
#include "proto/seal/pseudonym.h"

namespace schoolgate::seal {
namespace {

class KeyFileTest : public testing::Test {
 protected:
  KeyFileTest() {
    std::string name = testing::TempDir() + "keysXXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~KeyFileTest() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

TEST_F(KeyFileTest, TheSameKeyComesBackAndNobodyElseMayReadIt) {
  const std::string path = directory_ + "/signing.key";
  auto first = LoadOrCreateSigningKey(path);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(LoadOrCreateSigningKey(path)->public_key(), first->public_key());
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const std::string box = directory_ + "/box.key";
  EXPECT_EQ(LoadOrCreateBoxKey(box)->public_key(),
            LoadOrCreateBoxKey(box)->public_key());
}

TEST_F(KeyFileTest, ProcessesThatRaceGetOneKey) {
  const std::string path = directory_ + "/signing.key";
  std::string keys[8];
  std::vector<std::thread> threads;
  for (std::string& key : keys) {
    threads.emplace_back(
        [&path, &key] { key = LoadOrCreateSigningKey(path)->public_key(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(keys, keys + 8).size(), 1u);
}

TEST_F(KeyFileTest, ADamagedKeyIsReportedAndNeverReplaced) {
  const std::string path = directory_ + "/signing.key";
  ASSERT_TRUE(platform::CreateFile(path, "not a key", 0600).ok());
  EXPECT_TRUE(absl::IsDataLoss(LoadOrCreateSigningKey(path).status()));
  EXPECT_EQ(*platform::ReadWholeFile(path, 100), "not a key");
}

TEST_F(KeyFileTest, AMissingFolderIsAnError) {
  EXPECT_FALSE(LoadOrCreateSigningKey(directory_ + "/none/x").ok());
}

TEST(KeysTest, SignaturesHoldForOnePurposeOnly) {
  const SigningKey key = SigningKey::Generate();
  const std::string signature = key.Sign("enrol", "message");
  EXPECT_TRUE(VerifySignature(key.public_key(), "enrol", "message", signature));
  EXPECT_FALSE(
      VerifySignature(key.public_key(), "renew", "message", signature));
  EXPECT_FALSE(
      VerifySignature(key.public_key(), "enrol", "massage", signature));
  EXPECT_FALSE(VerifySignature("short", "enrol", "message", signature));
  EXPECT_FALSE(VerifySignature(key.public_key(), "enrol", "message", "short"));
  EXPECT_EQ(SigningKey::FromSeed(key.seed())->public_key(), key.public_key());
}

TEST(KeysTest, ABoxOpensForItsOwnerOnly) {
  const BoxKey owner = BoxKey::Generate();
  const std::string box = *SealTo(owner.public_key(), "a.teacher");
  EXPECT_EQ(*OpenBox(owner, box), "a.teacher");
  EXPECT_FALSE(OpenBox(BoxKey::Generate(), box).ok());
  EXPECT_FALSE(OpenBox(owner, box.substr(1)).ok());
  EXPECT_FALSE(OpenBox(owner, "").ok());
  EXPECT_FALSE(SealTo("", "x").ok());
}

TEST(KeysTest, HexGoesBothWays) {
  EXPECT_EQ(ToHex(std::string("\x00\xff\x10", 3)), "00ff10");
  EXPECT_EQ(*FromHex("00ff10"), std::string("\x00\xff\x10", 3));
  EXPECT_FALSE(FromHex("0").ok());
  EXPECT_FALSE(FromHex("zz").ok());
  EXPECT_EQ(*FromHex(""), "");
}

TEST(PseudonymTest, IsStableKeyedAndReadable) {
  const std::string key(32, 'k');
  const std::string name = Pseudonym(key, "a.teacher");
  EXPECT_EQ(name, Pseudonym(key, "A.Teacher"));
  EXPECT_NE(name, Pseudonym(std::string(32, 'j'), "a.teacher"));
  EXPECT_EQ(name.size(), 10u);
  EXPECT_EQ(name.substr(0, 2), "P-");
  EXPECT_EQ(name.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 2),
            std::string::npos);
}

TEST(PseudonymTest, TwoPeopleOfABigSchoolNeverShareOne) {
  std::set<std::string> names;
  for (int i = 0; i < 20000; ++i) {
    names.insert(Pseudonym("school", "pupil" + std::to_string(i)));
  }
  EXPECT_EQ(names.size(), 20000u);
}

TEST(Crc32cTest, MatchesTheStandardsCheckValue) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c("56789", Crc32c("1234")), 0xe3069283u);
}

}  // namespace
}  // namespace schoolgate::seal
