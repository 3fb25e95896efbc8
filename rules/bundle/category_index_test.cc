#include "rules/bundle/category_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "rules/bundle/entry_table.h"
#include "rules/bundle/index_writer.h"
#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {
namespace {

const std::vector<std::string> kIds = {"adult", "games", "news", "phishing"};

// An index and the bytes it stands on.
struct Built {
  IndexBytes bytes;
  std::unique_ptr<CategoryIndex> index;

  explicit Built(const EntryTable& table) {
    auto built = BuildIndex(kIds, table.Entries(), nullptr);
    EXPECT_TRUE(built.ok()) << built.status();
    bytes = *std::move(built);
    auto opened = CategoryIndex::Open(bytes.sections());
    EXPECT_TRUE(opened.ok()) << opened.status();
    index = *std::move(opened);
  }

  std::string Ask(std::string_view host) const {
    const auto name = HostName::Parse(host);
    if (!name.has_value()) return "(no host)";
    std::string answer;
    for (const CategoryMatch& match : index->Matches(*name)) {
      answer += kIds[match.category] + "=" + std::string(match.suffix) + " ";
    }
    return answer;
  }
};

// Names with the structure of real ones: few endings, shared stems.
class NameMaker {
 public:
  explicit NameMaker(uint32_t seed) : random_(seed) {}

  std::string Make() {
    static constexpr std::string_view kEnds[] = {
        "com", "org", "co.uk", "xyz", "blogspot.com", "sch.uk", "a-b.net"};
    std::string name(kEnds[random_() % std::size(kEnds)]);
    for (uint32_t labels = 1 + random_() % 3; labels > 0; --labels) {
      std::string label;
      for (uint32_t n = 1 + random_() % 9; n > 0; --n) {
        label += "etaoinshrdlu0123-_"[random_() % 18];
      }
      name = label + "." + name;
    }
    return name;
  }
  uint32_t Below(uint32_t limit) { return random_() % limit; }

 private:
  std::mt19937 random_;
};

TEST(CategoryIndexTest, LongestSuffixOfEachCategory) {
  EntryTable table;
  table.Add("example.org", 0);
  table.Add("news.example.org", 2);
  table.Add("a.news.example.org", 0);
  table.Add("localhost", 1);
  table.Add("192.0.2.1", 3);
  table.Add("2001:db8::1", 3);
  table.Add("xn--bcher-kva.example", 1);
  const Built built(table);
  EXPECT_EQ(built.Ask("example.org"), "adult=example.org ");
  EXPECT_EQ(built.Ask("WWW.Example.ORG."), "adult=example.org ");
  EXPECT_EQ(built.Ask("x.news.example.org"),
            "adult=example.org news=news.example.org ");
  EXPECT_EQ(built.Ask("a.news.example.org"),
            "adult=a.news.example.org news=news.example.org ");
  EXPECT_EQ(built.Ask("badexample.org"), "");
  EXPECT_EQ(built.Ask("org"), "");
  EXPECT_EQ(built.Ask("localhost"), "games=localhost ");
  EXPECT_EQ(built.Ask("x.localhost"), "games=localhost ");
  EXPECT_EQ(built.Ask("bücher.example"), "games=xn--bcher-kva.example ");
  EXPECT_EQ(built.Ask("192.0.2.1"), "phishing=192.0.2.1 ");
  EXPECT_EQ(built.Ask("192.0.2.2"), "");
  EXPECT_EQ(built.Ask("2.192.0.2.1"), "");  // nothing is below an address
  EXPECT_EQ(built.Ask("[2001:DB8:0::1]"), "phishing=2001:db8::1 ");
  EXPECT_EQ(built.Ask("2001_db8__1"), "");
}

TEST(CategoryIndexTest, AnEmptyIndexListsNothing) {
  const Built built{EntryTable()};
  EXPECT_EQ(built.Ask("example.org"), "");
  EXPECT_EQ(built.index->entries(), 0u);
}

// An innocent person would be accused: no answer may differ from what the
// lists say, for listed names and for all that are nearly listed.
TEST(CategoryIndexTest, OneEditNearMissesAreAnsweredExactly) {
  NameMaker maker(7);
  EntryTable table;
  for (int i = 0; i < 20000; ++i) {
    table.Add(maker.Make(), static_cast<int>(maker.Below(4)));
  }
  const Built built(table);
  std::map<std::string, CategorySet, std::less<>> truth;
  for (size_t row = 0; row < table.size(); ++row) {
    truth.emplace(table.name(row), table.set(row));
  }
  const auto expected = [&](std::string_view name) {
    CategorySet all;
    for (; !name.empty(); name = ParentOf(name)) {
      const auto at = truth.find(name);
      if (at != truth.end()) all.Add(at->second);
    }
    return all;
  };
  const auto check = [&](const std::string& name) {
    const auto host = HostName::Parse(name);
    if (!host.has_value()) return;
    ASSERT_EQ(built.index->Categories(*host), expected(host->text())) << name;
    const auto exact = truth.find(host->text());
    ASSERT_EQ(built.index->Exact(host->text()),
              exact == truth.end() ? CategorySet() : exact->second);
  };
  for (const auto& [name, set] : truth) {
    check(name);
    check("www." + name);
    const size_t at = maker.Below(static_cast<uint32_t>(name.size()));
    std::string edited = name;
    edited[at] = "abcz09-."[maker.Below(8)];
    check(edited);
    check(name.substr(0, at) + name.substr(at + 1));
    check(name.substr(0, at) + "e" + name.substr(at));
  }
  EXPECT_EQ(built.index->damaged_pages(), 0u);
}

TEST(CategoryIndexTest, ListsWhatWasPutIn) {
  NameMaker maker(11);
  EntryTable table;
  for (int i = 0; i < 5000; ++i) table.Add(maker.Make(), i % 4);
  table.Add(std::string(63, 'x') + "." + std::string(63, 'y') + ".org", 1);
  table.Add("192.0.2.7", 1);
  table.Add("2001:db8::7", 1);
  table.Add("com", 2);
  const Built built(table);
  std::map<std::string, CategorySet> found;
  ASSERT_TRUE(built.index
                  ->ForEachEntry([&](const IndexEntry& entry) {
                    found[std::string(entry.name)] = entry.set;
                  })
                  .ok());
  ASSERT_EQ(found.size(), table.size());
  for (size_t row = 0; row < table.size(); ++row) {
    EXPECT_EQ(found[std::string(table.name(row))], table.set(row));
  }
}

// A release could not be rebuilt and compared by anybody else.
TEST(CategoryIndexTest, TheOrderOfTheListsDoesNotMatter) {
  NameMaker maker(3);
  EntryTable table;
  for (int i = 0; i < 3000; ++i) table.Add(maker.Make(), i % 4);
  auto entries = table.Entries();
  const auto forwards = BuildIndex(kIds, entries, nullptr);
  std::shuffle(entries.begin(), entries.end(), std::mt19937(5));
  const auto shuffled = BuildIndex(kIds, entries, nullptr);
  EXPECT_EQ(forwards->model, shuffled->model);
  EXPECT_EQ(forwards->directory, shuffled->directory);
  EXPECT_EQ(forwards->index, shuffled->index);
  EXPECT_EQ(forwards->filter, shuffled->filter);
  EXPECT_EQ(forwards->pages, shuffled->pages);
}

// Thousands of names with one stem fall into one bucket; that must cost
// neither the build nor the answer.
TEST(CategoryIndexTest, CrowdedBuckets) {
  EntryTable table;
  for (int i = 0; i < 40000; ++i) {
    table.Add("n" + std::to_string(i) + "-the-same-long-stem-for-all.org",
              i % 4);
  }
  const Built built(table);
  for (int i = 0; i < 40000; i += 97) {
    const std::string name =
        std::to_string(i) + "-the-same-long-stem-for-all.org";
    EXPECT_EQ(built.Ask("n" + name), kIds[i % 4] + "=n" + name + " ");
    EXPECT_EQ(built.Ask("m" + name), "");
  }
}

// A flipped bit on the disk would accuse somebody or crash the gate.
TEST(CategoryIndexTest, ADamagedPageListsNothingAndIsCounted) {
  NameMaker maker(5);
  EntryTable table;
  for (int i = 0; i < 4000; ++i) table.Add(maker.Make(), i % 4);
  const Built good(table);
  for (size_t at = 0; at < good.bytes.index.size(); at += 61) {
    IndexBytes bad = good.bytes;
    bad.index[at] = static_cast<char>(bad.index[at] ^ 0x10);
    const auto index = CategoryIndex::Open(bad.sections());
    ASSERT_TRUE(index.ok());
    for (size_t row = 0; row < table.size(); row += 40) {
      const auto set = (*index)->Exact(table.name(row));
      EXPECT_TRUE(set.empty() || set == table.set(row));
    }
    EXPECT_FALSE((*index)->ForEachEntry([](const IndexEntry&) {}).ok());
    EXPECT_GT((*index)->damaged_pages(), 0u);
  }
}

// Whatever stands in the sections, signed or not, must not crash the gate.
TEST(CategoryIndexTest, HostileSectionsDoNoHarm) {
  NameMaker maker(9);
  EntryTable table;
  for (int i = 0; i < 600; ++i) table.Add(maker.Make(), i % 4);
  const Built good(table);
  std::mt19937 random(1);
  int opened = 0;
  for (int round = 0; round < 3000; ++round) {
    IndexBytes bad = good.bytes;
    std::string* sections[] = {&bad.model, &bad.directory, &bad.index,
                               &bad.filter};
    std::string& section = *sections[round % 4];
    for (int flips = 1 + round % 4; flips > 0; --flips) {
      section[random() % section.size()] = static_cast<char>(random());
    }
    if (round % 5 == 0) section.resize(random() % section.size());
    bad.pages = PageGuard::DigestsOf(AsBytes(bad.index)) +
                PageGuard::DigestsOf(AsBytes(bad.filter));  // forged with care
    const auto index = CategoryIndex::Open(bad.sections());
    if (!index.ok()) continue;
    ++opened;
    for (size_t row = 0; row < table.size(); row += 20) {
      const auto host = HostName::Parse(table.name(row));
      (*index)->Categories(*host);
      (*index)->Matches(*host);
    }
    (*index)->ForEachEntry([](const IndexEntry&) {}).IgnoreError();
  }
  EXPECT_GT(opened, 500);  // else the sections were never read
}

// What a hostile file's entries decode to is asked for in another index.
TEST(CategoryIndexTest, WhatIsNoHostIsNotListed) {
  EntryTable table;
  table.Add("example.org", 0);
  const Built built(table);
  for (const std::string& name :
       {std::string(253, '.'), std::string(253, 'a'), std::string("a..org"),
        std::string(300, '.'), std::string("Example.org"), std::string()}) {
    EXPECT_TRUE(built.index->Exact(name).empty()) << name;
  }
  EXPECT_FALSE(built.index->Exact("example.org").empty());
}

// A flipped bit of the filter would let a listed host through.
TEST(CategoryIndexTest, ADamagedFilterHidesNothing) {
  NameMaker maker(13);
  EntryTable table;
  for (int i = 0; i < 9000; ++i) table.Add(maker.Make(), i % 4);
  const Built good(table);
  ASSERT_GT(good.bytes.filter.size(), 2u * 4096);
  for (size_t at = 0; at < good.bytes.filter.size(); at += 1777) {
    IndexBytes bad = good.bytes;
    bad.filter[at] = '\0';
    const bool is_same = bad.filter == good.bytes.filter;
    const auto index = CategoryIndex::Open(bad.sections());
    ASSERT_TRUE(index.ok());
    for (size_t row = 0; row < table.size(); ++row) {
      ASSERT_EQ((*index)->Exact(table.name(row)), table.set(row));
    }
    EXPECT_EQ((*index)->damaged_pages() > 0, !is_same);
  }
}

// A host would escape its category by being written otherwise.
TEST(CategoryIndexTest, EverySpellingOfAHostHasTheSameAnswer) {
  NameMaker maker(17);
  EntryTable table;
  for (int i = 0; i < 4000; ++i) table.Add(maker.Make(), i % 4);
  table.Add("xn--bcher-kva.example", 1);
  table.Add("xn--80ak6aa92e.co.uk", 3);
  const Built built(table);
  for (size_t row = 0; row < table.size(); ++row) {
    const std::string name(table.name(row));
    std::string shouted = name;
    for (char& c : shouted) {
      if (c >= 'a' && c <= 'z' && maker.Below(2) == 0) c -= 'a' - 'A';
    }
    const std::string answer = built.Ask(name);
    ASSERT_NE(answer, "");
    EXPECT_EQ(built.Ask(shouted), answer);
    EXPECT_EQ(built.Ask(shouted + "."), answer);
    EXPECT_EQ(built.Ask("a." + shouted), answer);
    EXPECT_EQ(built.Ask(name + ".."), "(no host)");
  }
  EXPECT_EQ(built.Ask("B\u00dcCHER.example."), "games=xn--bcher-kva.example ");
  EXPECT_EQ(built.Ask("\u0430\u0440\u0440\u04cf\u0435.co.uk"),
            "phishing=xn--80ak6aa92e.co.uk ");
  EXPECT_EQ(built.Ask("co.uk"), "");  // a public suffix is no site
  EXPECT_EQ(built.Ask("other.co.uk"), "");
}

}  // namespace
}  // namespace schoolgate::rules
