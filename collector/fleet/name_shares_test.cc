#include "collector/fleet/name_shares.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

namespace schoolgate::collector {
namespace {

const std::vector<ShareHolder> kHolders = {{"head", "passphrase of head"},
                                           {"lead", "passphrase of lead"},
                                           {"senior", "passphrase of senior"}};

TEST(NameShares, TwoOpenWhatWasSealedToTheKeyAndOneDoesNot) {
  const seal::BoxKey key = seal::BoxKey::Generate();
  const std::string box = *seal::SealTo(key.public_key(), "a.khan");
  const auto files = SplitNameKey(key, "oakfield", kHolders);
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 3u);
  const auto head = OpenShareFile((*files)[0].text, "passphrase of head");
  const auto senior = OpenShareFile((*files)[2].text, "passphrase of senior");
  ASSERT_TRUE(head.ok() && senior.ok());
  const std::array both = {*senior, *head};
  const auto joined = seal::BoxKey::FromSecret(*seal::JoinShares(both));
  EXPECT_EQ(*seal::OpenBox(*joined, box), "a.khan");
  const auto alone = seal::BoxKey::FromSecret(head->bytes);
  EXPECT_FALSE(seal::OpenBox(*alone, box).ok());
  for (const ShareFile& file : *files) {
    EXPECT_EQ(file.text.find(seal::ToHex(key.secret())), std::string::npos);
    EXPECT_EQ(file.text.find(seal::ToHex(head->bytes)), std::string::npos);
  }
}

TEST(NameShares, AWrongPassphraseOrAChangedFileOpensNothing) {
  const auto files =
      SplitNameKey(seal::BoxKey::Generate(), "oakfield", kHolders);
  ASSERT_TRUE(files.ok()) << files.status();
  const std::string& text = files->front().text;
  EXPECT_TRUE(absl::IsUnauthenticated(
      OpenShareFile(text, "passphrase of lead").status()));
  nlohmann::json other = nlohmann::json::parse(text);
  for (const char* field : {"school", "holder", "key"}) {
    nlohmann::json changed = other;
    changed[field] = "another";
    EXPECT_TRUE(absl::IsUnauthenticated(
        OpenShareFile(changed.dump(), "passphrase of head").status()))
        << field;
  }
  nlohmann::json greedy = other;
  greedy["memory_kib"] = 1 << 30;
  nlohmann::json strange = other;
  strange["number"] = "one";
  for (const std::string& bad :
       {std::string("not json"), std::string("[]"), greedy.dump(),
        strange.dump(), text.substr(0, 40)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(
        OpenShareFile(bad, "passphrase of head").status()))
        << bad;
  }
}

TEST(NameShares, RefusesHoldersThatCannotKeepTwoPeopleApart) {
  const seal::BoxKey key = seal::BoxKey::Generate();
  const std::vector<std::vector<ShareHolder>> bad = {
      {},
      {{"head", "passphrase of head"}},
      {{"head", "passphrase of head"}, {"head", "passphrase of head"}},
      {{"head", "passphrase of head"}, {"le/ad", "passphrase of lead"}},
      {{"head", "passphrase of head"}, {"lead", "short"}}};
  for (const auto& holders : bad) {
    EXPECT_TRUE(absl::IsInvalidArgument(
        SplitNameKey(key, "oakfield", holders).status()));
  }
}

}  // namespace
}  // namespace schoolgate::collector
