#include "rules/bundle/delta.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "rules/bundle/bundle_index.h"
#include "rules/bundle/entry_table.h"
#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {
namespace {

const std::vector<std::string> kIds = {"adult", "games", "news"};

class DeltaTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/delta_test-" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) { return folder_ + "/" + name; }
  std::string Bytes(const std::string& name) {
    return *ReadWholeFile(Path(name), 1 << 26);
  }

  // Hosts `from` to `to`, every tenth in a second category.
  void Write(const std::string& name, int from, int to, uint64_t version,
             const IndexBytes* base, IndexBytes* built) {
    EntryTable table;
    for (int i = from; i < to; ++i) {
      const std::string host = "site" + std::to_string(i * 7919) + ".example" +
                               std::to_string(i % 5) + ".org";
      table.Add(host, i % 3);
      if (i % 10 == static_cast<int>(version % 10)) table.Add(host, 2);
    }
    std::unique_ptr<CategoryIndex> index;
    if (base != nullptr) index = *CategoryIndex::Open(base->sections());
    auto bytes = BuildIndex(kIds, table.Entries(), index.get());
    ASSERT_TRUE(bytes.ok());
    *built = *std::move(bytes);
    v1::BundleManifest manifest;
    manifest.set_version(version);
    const std::string policy = "policy " + std::to_string(version);
    std::vector<SectionBytes> sections = {{"policy", AsBytes(policy)},
                                          {"lists", {}}};
    AppendIndexSections(*built, &sections);
    ASSERT_TRUE(WriteBundle(Path(name), manifest, {}, sections).ok());
  }

  std::string folder_;
};

// A device would enforce something else than what was signed.
TEST_F(DeltaTest, AppliedItIsTheVeryFileThatAFullBuildMakes) {
  IndexBytes first, second;
  Write("old", 0, 6000, 1, nullptr, &first);
  Write("new", 30, 6030, 2, &first, &second);
  const auto delta = WriteDelta(Path("old"), Path("new"), Path("d"));
  ASSERT_TRUE(delta.ok()) << delta.status();
  EXPECT_GT(delta->removed, 30u);
  EXPECT_LT(delta->delta_bytes, delta->bundle_bytes / 2);
  const auto applied = ApplyDelta(Path("old"), Path("d"), Path("out"));
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(Bytes("out"), Bytes("new"));
  EXPECT_TRUE((*BundleFile::Open(Path("out")))->VerifySections().ok());
}

TEST_F(DeltaTest, TheWrongBaseIsRefused) {
  IndexBytes first, second, third;
  Write("old", 0, 500, 1, nullptr, &first);
  Write("new", 5, 505, 2, &first, &second);
  Write("other", 0, 400, 1, nullptr, &third);
  EXPECT_EQ(WriteDelta(Path("other"), Path("new"), Path("d")).status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(WriteDelta(Path("old"), Path("new"), Path("d")).ok());
  EXPECT_EQ(ApplyDelta(Path("other"), Path("d"), Path("out")).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ApplyDelta(Path("new"), Path("d"), Path("out")).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
}

// A download that broke off or was tampered with would become the rules.
TEST_F(DeltaTest, DamageIsRefusedAndTheOldResultStays) {
  IndexBytes first, second;
  Write("old", 0, 500, 1, nullptr, &first);
  Write("new", 5, 505, 2, &first, &second);
  ASSERT_TRUE(WriteDelta(Path("old"), Path("new"), Path("d")).ok());
  ASSERT_TRUE(ApplyDelta(Path("old"), Path("d"), Path("out")).ok());
  const std::string good = Bytes("d");
  const std::string result = Bytes("out");
  const auto attempt = [&](const std::string& bytes) {
    auto file = NewFile::Create(Path("bad"));
    ASSERT_TRUE((*file)->Append(bytes).ok() && (*file)->Commit().ok());
    EXPECT_FALSE(ApplyDelta(Path("old"), Path("bad"), Path("out")).ok());
    EXPECT_EQ(Bytes("out"), result);
  };
  for (size_t at = 0; at < good.size(); at += 1 + good.size() / 60) {
    attempt(good.substr(0, at));
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    attempt(flipped);
  }
}

}  // namespace
}  // namespace schoolgate::rules
