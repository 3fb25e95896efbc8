#include "rules/bundle/bundle_file.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {
namespace {

class BundleFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/bundle_file_test-" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = folder_ + "/a.bundle";
    manifest_.set_id("village");
    manifest_.set_version(7);
    manifest_.set_issued_unix_s(1790000000);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  absl::Status Write() {
    v1::BundleSignatures none;
    return WriteBundle(path_, manifest_, none,
                       {{"policy", AsBytes(policy_)},
                        {"empty", {}},
                        {"index", AsBytes(index_)}});
  }
  std::string FileBytes() { return *ReadWholeFile(path_, 1 << 24); }

  std::string folder_, path_;
  v1::BundleManifest manifest_;
  std::string policy_ = "the policy";
  std::string index_ = std::string(5000, 'x');
};

// A school's bundle would not open, or hold other rules than were written.
TEST_F(BundleFileTest, GivesBackWhatWasWritten) {
  ASSERT_TRUE(Write().ok());
  const auto bundle = BundleFile::Open(path_);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ((*bundle)->manifest().version(), 7u);
  EXPECT_EQ(AsText(*(*bundle)->Section("policy")), policy_);
  EXPECT_EQ(AsText(*(*bundle)->Section("index")), index_);
  EXPECT_TRUE((*bundle)->Section("empty")->empty());
  EXPECT_FALSE((*bundle)->Section("none").has_value());
  EXPECT_TRUE((*bundle)->VerifySections().ok());
}

// A signature would stop verifying because a second one was added.
TEST_F(BundleFileTest, SignaturesComeAndGoWithoutTouchingWhatIsSigned) {
  ASSERT_TRUE(Write().ok());
  const std::string before = FileBytes();
  const std::string manifest(
      AsText((*BundleFile::Open(path_))->manifest_bytes()));
  v1::BundleSignatures two;
  for (int i = 0; i < 2; ++i) {
    auto* signature = two.add_signatures();
    signature->set_key_id(std::string(32, static_cast<char>('a' + i)));
    signature->set_role("release");
    signature->set_signature(std::string(64, 's'));
  }
  ASSERT_TRUE(ReplaceSignatures(path_, two).ok());
  const auto signed_bundle = BundleFile::Open(path_);
  ASSERT_TRUE(signed_bundle.ok()) << signed_bundle.status();
  EXPECT_EQ(AsText((*signed_bundle)->manifest_bytes()), manifest);
  EXPECT_EQ((*signed_bundle)->signatures().signatures_size(), 2);
  EXPECT_TRUE((*signed_bundle)->VerifySections().ok());
  ASSERT_TRUE(ReplaceSignatures(path_, v1::BundleSignatures()).ok());
  EXPECT_EQ(FileBytes(), before);
}

// A damaged or forged byte would be enforced, or crash the gate.
TEST_F(BundleFileTest, NoChangedByteGoesUnnoticed) {
  ASSERT_TRUE(Write().ok());
  const std::string good = FileBytes();
  const std::string manifest(
      AsText((*BundleFile::Open(path_))->manifest_bytes()));
  for (size_t at = 0; at < good.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      const auto bundle = BundleFile::FromBytes(bad, "bad");
      if (!bundle.ok()) continue;
      const bool manifest_changed =
          AsText((*bundle)->manifest_bytes()) != manifest;
      EXPECT_TRUE(manifest_changed || !(*bundle)->VerifySections().ok())
          << "byte " << at << " bit " << bit;
    }
  }
}

// A download that broke off would be taken for a bundle.
TEST_F(BundleFileTest, EveryTruncationIsRefused) {
  ASSERT_TRUE(Write().ok());
  const std::string good = FileBytes();
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(BundleFile::FromBytes(good.substr(0, size), "cut").ok());
  }
  EXPECT_FALSE(BundleFile::FromBytes(good + '\0', "long").ok());
}

// A failed write would leave a school without rules.
TEST_F(BundleFileTest, AFailedWriteKeepsTheOldFile) {
  ASSERT_TRUE(Write().ok());
  const std::string good = FileBytes();
  auto writer = BundleWriter::Create(
      path_, LayOutManifest(manifest_, {{"policy", AsBytes(policy_)}}), {});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Append(AsBytes("the polixy")).ok());
  EXPECT_EQ((*writer)->EndSection().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ((*writer)->Commit().code(), absl::StatusCode::kFailedPrecondition);
  writer->reset();
  EXPECT_EQ(FileBytes(), good);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    files += entry.is_regular_file();
  }
  EXPECT_EQ(files, 1u);
}

TEST_F(BundleFileTest, SameInputSameBytes) {
  ASSERT_TRUE(Write().ok());
  const std::string first = FileBytes();
  ASSERT_TRUE(Write().ok());
  EXPECT_EQ(FileBytes(), first);
}

TEST_F(BundleFileTest, ErrorsNameTheFile) {
  const auto missing = BundleFile::Open(folder_ + "/none.bundle");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(missing.status().ToString().find("none.bundle"), std::string::npos);
  EXPECT_FALSE(BundleFile::Open(folder_).ok());
}

// A failing disk, or a file cut short in place, would end the agent and with
// it all enforcement.
TEST_F(BundleFileTest, AFileThatIsCutShortWhileInUseKillsNobody) {
  ASSERT_TRUE(Write().ok());
  const auto bundle = BundleFile::Open(path_);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  const auto index = *(*bundle)->Section("index");
  EXPECT_EQ(index[0], 'x');
  std::filesystem::resize_file(path_, 4096);
  EXPECT_EQ(index[0], 0);
  EXPECT_EQ(index[4999], 0);
  EXPECT_EQ((*bundle)->lost_pages(), 2u);
  EXPECT_EQ((*bundle)->VerifySections().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ((*bundle)->lost_pages(), 3u);  // "policy" has one
}

// A fault of the program itself would be passed over in silence.
TEST_F(BundleFileTest, OtherBusErrorsEndTheProgramAsEver) {
  ASSERT_TRUE(Write().ok());
  const auto bundle = BundleFile::Open(path_);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
#ifdef __SANITIZE_ADDRESS__
  EXPECT_DEATH(std::raise(SIGBUS), "BUS");  // its own handler tells of it
#else
  EXPECT_EXIT(std::raise(SIGBUS), testing::KilledBySignal(SIGBUS), "");
#endif
}

}  // namespace
}  // namespace schoolgate::rules
