#include "rules/import/page_lists.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "rules/policy/page_knowledge.h"

namespace schoolgate::rules {
namespace {

class PageListsTest : public testing::Test {
 protected:
  PageListsTest() {
    folder_ = std::filesystem::temp_directory_path() / "pages-XXXXXX";
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
  }
  ~PageListsTest() override { std::filesystem::remove_all(folder_); }

  void Put(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }

  std::string folder_;
};

TEST_F(PageListsTest, ReadsWhatIsThere) {
  Put("embedded-sites.tsv", "# licence: MIT\nsocial.test\nFilm.Test # films\n");
  Put("page-pairs.tsv", "news.test\tbet.test\n");
  const auto packed = ReadPageLists(folder_);
  ASSERT_TRUE(packed.ok()) << packed.status();
  const PageKnowledge knowledge(*packed);
  EXPECT_TRUE(knowledge.IsEmbedded("film.test"));
  EXPECT_TRUE(knowledge.BringsIn(PageKnowledge::Id("news.test"),
                                 PageKnowledge::Id("bet.test")));
}

TEST_F(PageListsTest, WithoutFilesNothingIsKnown) {
  const auto packed = ReadPageLists(folder_);
  ASSERT_TRUE(packed.ok());
  EXPECT_FALSE(PageKnowledge(*packed).knows_embeds());
}

TEST_F(PageListsTest, MistakesAreNamedByFileAndLine) {
  for (const char* bad : {"a.test b.test", "not a host!", "10.0.0.1", "com"}) {
    Put("embedded-sites.tsv", std::string("ok.test\n") + bad + "\n");
    const auto packed = ReadPageLists(folder_);
    ASSERT_FALSE(packed.ok()) << bad;
    EXPECT_NE(packed.status().message().find("embedded-sites.tsv:2"),
              std::string::npos)
        << packed.status();
  }
  Put("embedded-sites.tsv", "ok.test\n");
  Put("page-pairs.tsv", "news.test\n");
  EXPECT_FALSE(ReadPageLists(folder_).ok());
}

// The list that is shipped says what the grading was measured with.
TEST(ShippedPageLists, KnowTheServicesThatPagesEmbed) {
  const auto packed = ReadPageLists("rules/lists");
  ASSERT_TRUE(packed.ok()) << packed.status();
  const PageKnowledge knowledge(*packed);
  for (const char* site : {"facebook.com", "youtube.com", "twitter.com",
                           "doubleclick.net", "instagram.com"}) {
    EXPECT_TRUE(knowledge.IsEmbedded(site)) << site;
  }
  EXPECT_FALSE(knowledge.IsEmbedded("never-listed.test"));
}

}  // namespace
}  // namespace schoolgate::rules
