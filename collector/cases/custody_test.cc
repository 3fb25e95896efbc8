#include "collector/cases/custody.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace schoolgate::collector {
namespace {

CustodyPack Sample(const seal::SigningKey& key) {
  std::vector<nlohmann::json> records = {
      {{"kind", "pack"}, {"alert", 7}, {"school", "oakfield"}}};
  for (int i = 0; i < 20; ++i) {
    records.push_back({{"kind", "event"},
                       {"sequence", i},
                       {"words", "contacted host bets.example.test\n\"x\""}});
  }
  return MakeCustodyPack(records, key);
}

TEST(Custody, AnUntouchedPackIsWhole) {
  const seal::SigningKey key = seal::SigningKey::Generate();
  const CustodyPack pack = Sample(key);
  const auto facts = VerifyCustodyPack(pack.text, "");
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->records, 21u);
  EXPECT_EQ(facts->hash, pack.hash);
  EXPECT_EQ(facts->first["alert"], 7);
  EXPECT_TRUE(VerifyCustodyPack(pack.text, facts->key).ok());
}

// One edit: a byte changed, taken out or put in, a stretch taken out, doubled
// or moved, lines exchanged, the end cut off.
std::string Edited(const std::string& pack, std::mt19937_64& dice) {
  const auto below = [&](size_t limit) { return dice() % limit; };
  std::string text = pack;
  const size_t at = below(text.size());
  const size_t size = 1 + below(std::min<size_t>(300, text.size() - at));
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  switch (below(8)) {
    case 0:
      text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
      break;
    case 1:
      text[at] = static_cast<char>(below(256));
      break;
    case 2:
      text.erase(at, 1);
      break;
    case 3:
      text.insert(at, 1, static_cast<char>(below(256)));
      break;
    case 4:
      text.erase(at, size);
      break;
    case 5:
      text.insert(at, text.substr(at, size));
      break;
    case 6:
      text.resize(at);
      break;
    default:
      std::swap(lines[below(lines.size())], lines[below(lines.size())]);
      text = "";
      for (size_t i = 0; i < lines.size(); ++i) {
        absl::StrAppend(&text, i == 0 ? "" : "\n", lines[i]);
      }
  }
  return text;
}

// Evidence could be changed on its way to the police without anybody noticing.
TEST(Custody, TenThousandRandomEditsAreAllFound) {
  const seal::SigningKey key = seal::SigningKey::Generate();
  const std::string pack = Sample(key).text;
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 dice(seed);
  int edits = 0;
  while (edits < 10'000) {
    const std::string text = Edited(pack, dice);
    if (text == pack) continue;
    ++edits;
    const auto facts = VerifyCustodyPack(text, "");
    ASSERT_FALSE(facts.ok()) << text;
    EXPECT_TRUE(absl::IsDataLoss(facts.status())) << facts.status();
  }
  RecordProperty("edits", edits);  // scripts/prove tells it
}

TEST(Custody, APackMadeBySomebodyElseIsFoundByItsKey) {
  const seal::SigningKey ours = seal::SigningKey::Generate();
  const seal::SigningKey theirs = seal::SigningKey::Generate();
  const CustodyPack forged = Sample(theirs);
  EXPECT_TRUE(absl::IsPermissionDenied(
      VerifyCustodyPack(forged.text, seal::ToHex(ours.public_key())).status()));
}

TEST(Custody, NoiseIsRefused) {
  for (const char* text : {"", "\n", "x", "{}\n", "\n\n\n"}) {
    EXPECT_TRUE(absl::IsDataLoss(VerifyCustodyPack(text, "").status())) << text;
  }
}

}  // namespace
}  // namespace schoolgate::collector
