#include "rules/policy/page_knowledge.h"

#include <gtest/gtest.h>

namespace schoolgate::rules {
namespace {

v1::PageKnowledge Packed() {
  v1::PageKnowledge packed;
  packed.set_embedded(
      PackIds({PageKnowledge::Id("social.test"), PageKnowledge::Id("film.test"),
               PageKnowledge::Id("social.test")}));
  packed.set_pairs(PackIds({PageKnowledge::PairId(
      PageKnowledge::Id("news.test"), PageKnowledge::Id("bet.test"))}));
  return packed;
}

TEST(PageKnowledge, KnowsWhatIsListedAndNothingElse) {
  const PageKnowledge knowledge(Packed());
  EXPECT_TRUE(knowledge.knows_embeds());
  EXPECT_TRUE(knowledge.IsEmbedded("social.test"));
  EXPECT_FALSE(knowledge.IsEmbedded("bet.test"));
  const uint64_t news = PageKnowledge::Id("news.test");
  const uint64_t bet = PageKnowledge::Id("bet.test");
  EXPECT_TRUE(knowledge.BringsIn(news, bet));
  EXPECT_FALSE(knowledge.BringsIn(bet, news)) << "a page, not a friendship";
  EXPECT_FALSE(knowledge.BringsIn(PageKnowledge::Id("maths.test"), bet));
}

// A bundle that says nothing must not make every site one that nobody embeds.
TEST(PageKnowledge, NothingKnownIsNotNobody) {
  EXPECT_FALSE(PageKnowledge().knows_embeds());
  EXPECT_FALSE(PageKnowledge(v1::PageKnowledge()).knows_pairs());
}

TEST(PageKnowledge, DamagedTablesAreNotRead) {
  v1::PageKnowledge packed = Packed();
  packed.mutable_embedded()->pop_back();
  EXPECT_FALSE(PageKnowledge(packed).knows_embeds());
  packed = Packed();
  std::string& bytes = *packed.mutable_embedded();
  std::swap_ranges(bytes.begin(), bytes.begin() + 8, bytes.begin() + 8);
  EXPECT_FALSE(PageKnowledge(packed).knows_embeds()) << "not in order";
  packed.set_pairs(std::string(8 * (PageKnowledge::kMostEntries + 1), 'x'));
  EXPECT_FALSE(PageKnowledge(packed).knows_pairs());
}

}  // namespace
}  // namespace schoolgate::rules
