#include "rules/bundle/listed_alone.h"

#include <gtest/gtest.h>

#include "rules/bundle/entry_table.h"
#include "rules/bundle/index_writer.h"

namespace schoolgate::rules {
namespace {

const std::vector<std::string> kIds = {"blogs", "games", "video"};

class ListedAloneTest : public testing::Test {
 protected:
  void List(std::string_view name, int category) { table_.Add(name, category); }

  void Alone(const std::string& category, const std::string& host) {
    v1::GateException* one = lists_.add_exceptions();
    one->set_category(category);
    one->set_host(host);
  }

  void Build() {
    bytes_ = *BuildIndex(kIds, table_.Entries(), nullptr);
    index_ = *CategoryIndex::Open(bytes_.sections());
  }

  std::string Ask(std::string_view host) const {
    const ListedAlone listed(*index_, lists_);
    const auto name = *HostName::Parse(host);
    std::string answer;
    CategorySet set;
    for (const CategoryMatch& match : listed.Matches(name)) {
      answer += kIds[match.category] + "=" + std::string(match.suffix) + " ";
      set.Add(match.category);
    }
    EXPECT_EQ(listed.Categories(name), set) << host;
    return answer;
  }

  EntryTable table_;
  v1::BundleLists lists_;
  IndexBytes bytes_;
  std::unique_ptr<CategoryIndex> index_;
};

// A stranger's page would be what somebody said of its host.
TEST_F(ListedAloneTest, SpeaksForTheNameItselfOnly) {
  List("github.io", 0);
  List("github.io", 1);
  List("play.github.io", 1);
  Alone("games", "=github.io");
  Build();
  EXPECT_EQ(Ask("github.io"), "blogs=github.io games=github.io ");
  EXPECT_EQ(Ask("a.github.io"), "blogs=github.io ");
  EXPECT_EQ(Ask("www.play.github.io"), "blogs=github.io games=play.github.io ");
  EXPECT_EQ(Ask("notgithub.io"), "");
  EXPECT_EQ(Ask("192.0.2.1"), "");
}

// What is above it and listed with all below speaks for them all.
TEST_F(ListedAloneTest, HidesNothingThatAnotherNameSays) {
  List("amazonaws.com", 1);
  List("s3.amazonaws.com", 1);
  Alone("games", "=s3.amazonaws.com");
  Build();
  EXPECT_EQ(Ask("a.s3.amazonaws.com"), "games=amazonaws.com ");
  EXPECT_EQ(Ask("s3.amazonaws.com"), "games=s3.amazonaws.com ");
}

// An exception of the gate is something else, and ends what is read.
TEST_F(ListedAloneTest, OtherExceptionsSayNothing) {
  List("github.io", 1);
  Alone("games", "github.io");
  Alone("games", "=github.io");
  Alone("nosuch", "=");
  Build();
  EXPECT_EQ(Ask("a.github.io"), "games=github.io ");
  EXPECT_TRUE(ListedAlone(*index_, lists_).Names().empty());
}

}  // namespace
}  // namespace schoolgate::rules
