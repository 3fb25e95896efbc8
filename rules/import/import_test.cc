#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>

#include "rules/bundle/new_file.h"
#include "rules/import/import_list.h"
#include "rules/import/known_categories.h"
#include "rules/import/line_source.h"
#include "rules/import/list_folder.h"

namespace schoolgate::rules {
namespace {

class ImportTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/import_test-" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Put(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::filesystem::create_directories(
        std::filesystem::path(path).parent_path());
    auto file = NewFile::Create(path);
    EXPECT_TRUE((*file)->Append(text).ok() && (*file)->Commit().ok());
    return path;
  }

  ImportReport Import(const std::string& format, const std::string& path) {
    ImportOrder order;
    order.format = format;
    order.path = path;
    order.category = "adult";
    order.source = "made here";
    order.output = folder_ + "/out.txt";
    const auto report = ImportList(order);
    EXPECT_TRUE(report.ok()) << report.status();
    written_ = "";
    hosts_.clear();
    auto status = ReadLines(order.output, [&](std::string_view line, bool) {
      if (!line.starts_with('#')) hosts_ += std::string(line) + " ";
    });
    return report.ok() ? *report : ImportReport();
  }

  CompiledLists Compile() {
    auto lists = CompileLists(folder_, {}, [](std::string_view) {});
    EXPECT_TRUE(lists.ok()) << lists.status();
    return *std::move(lists);
  }

  std::string folder_, hosts_, written_;
};

TEST_F(ImportTest, PlainWithWildcardsAddressesAndBrokenLines) {
  const auto report =
      Import("plain", Put("l",
                          "# a comment\nB.example\na.example # why\r\n"
                          "*.c.example\nb.example.\nbücher.example\n"
                          "192.0.2.1\nno host\nhttp://d.example/\n"
                          "http://e.example/page\n\n"));
  EXPECT_EQ(hosts_,
            "192.0.2.1 a.example b.example c.example d.example "
            "xn--bcher-kva.example ");
  EXPECT_EQ(report.duplicates, 1u);
  EXPECT_EQ(report.wildcards, 1u);
  EXPECT_EQ(report.addresses, 1u);
  EXPECT_EQ(report.other, 1u);
  EXPECT_EQ(report.broken, 1u);
  ASSERT_EQ(report.broken_examples.size(), 1u);
  EXPECT_EQ(report.broken_examples[0], "line 8: no host");
}

// Half of what people paste into a list is no host.
TEST_F(ImportTest, WhatIsNearlyAHostIsCountedAsBroken) {
  const auto report = Import(
      "plain", Put("l",
                   "\xef\xbb\xbf"
                   "a.example\r\nXN--BCHER-KVA.EXAMPLE.\n"
                   "xn--bcher-kva.example\nfa\xc3\x9f.example\n[::1]\n1.2.3.4\n"
                   "999.1.1.1\n0x7f.1\nxn--99999999.example\nxn--.example\nfoo."
                   "*.example\n"
                   "a..example\n\xff\xfe.example\nhttp://b.example:80/\n"
                   "1.2.3.4/24\n" +
                       std::string(1 << 20, 'x') + "\n" +
                       std::string("nul\0.example\n", 13) + "last.example"));
  EXPECT_EQ(hosts_,
            "1.2.3.4 ::1 a.example last.example xn--bcher-kva.example "
            "xn--fa-hia.example ");
  EXPECT_EQ(report.duplicates, 1u);
  EXPECT_EQ(report.other, 1u);
  EXPECT_EQ(report.broken, 10u);
  EXPECT_EQ(report.broken_examples.size(), 5u);
}

// A list that repeats itself must not fill the memory.
TEST_F(ImportTest, DuplicatesAreCountedHoweverManyThereAre) {
  std::string text;
  for (int i = 0; i < 1'500'000; ++i) {
    text += i % 2 == 0 ? "a.example\n" : "b.example\n";
  }
  const auto report = Import("plain", Put("l", text));
  EXPECT_EQ(hosts_, "a.example b.example ");
  EXPECT_EQ(report.lines, 1'500'000u);
  EXPECT_EQ(report.duplicates, 1'499'998u);
}

TEST_F(ImportTest, HostsFile) {
  const auto report =
      Import("hosts", Put("l",
                          "127.0.0.1 localhost\n::1 ip6-localhost\n"
                          "0.0.0.0 a.example b.example # two\nc.example\n"
                          "0 d.example\n"));
  EXPECT_EQ(hosts_, "a.example b.example d.example ");
  EXPECT_EQ(report.broken, 1u);
}

TEST_F(ImportTest, AdblockTakesRulesAboutWholeHostsOnly) {
  const auto report =
      Import("adblock", Put("l",
                            "[Adblock Plus 2.0]\n! note\n||a.example^\n"
                            "||b.example^$important\n||c.example^$third-party\n"
                            "@@||d.example^\n||e.example/path^\n##.banner\n"
                            "||*.f.example^\n/regex/\n"));
  EXPECT_EQ(hosts_, "a.example b.example f.example ");
  EXPECT_EQ(report.other, 5u);
  EXPECT_EQ(report.broken, 0u);
}

// What the list itself takes back would be accused.
TEST_F(ImportTest, AdblockExceptionsOfTheSameListCount) {
  const auto report = Import(
      "adblock", Put("l",
                     "@@||a.example^\n||a.example^\n||b.example^\n"
                     "||www.c.example^\n||c.example^\n@@||c.example^$document\n"
                     "@@||x.b.example^\n@@||b.example/path^\n"
                     "||notc.example^\n@@||*.d.example^\n"));
  EXPECT_EQ(hosts_, "b.example notc.example ");
  EXPECT_EQ(report.excepted, 3u);
  EXPECT_EQ(report.lines, 10u);
  EXPECT_EQ(report.wildcards, 0u);
  // Below a host that stays, about a page, and of what is not listed.
  EXPECT_EQ(report.other, 3u);
}

TEST_F(ImportTest, AFormatHasSeveralNames) {
  EXPECT_EQ(ListFormatName("Domains"), "plain");
  EXPECT_EQ(ListFormatName("plain-domains"), "plain");
  EXPECT_EQ(ListFormatName("ADBLOCK-style"), "adblock");
  EXPECT_EQ(ListFormatName("UT1"), "ut1");
  EXPECT_EQ(ListFormatName("foo"), "");
  Import("HOSTS", Put("l", "0.0.0.0 a.example\n"));
  EXPECT_EQ(hosts_, "a.example ");
}

TEST_F(ImportTest, ResponsePolicyZone) {
  const auto report =
      Import("rpz", Put("l",
                        "$TTL 60\n$ORIGIN rpz.test.\n"
                        "@ SOA ns. me. (1\n 2 3\n 4 5)\n  NS ns.\n"
                        "a.example CNAME .\n*.b.example 60 IN CNAME *.\n"
                        "c.example.rpz.test. CNAME rpz-drop.\n"
                        "d.example CNAME rpz-passthru.\n"
                        "32.1.2.0.192.rpz-ip CNAME .\ne.example A 192.0.2.1\n"
                        "broken\n"));
  EXPECT_EQ(hosts_, "a.example b.example c.example e.example ");
  EXPECT_EQ(report.other, 2u);
  EXPECT_EQ(report.broken, 1u);
}

TEST_F(ImportTest, AZoneWithFullNamesAndNoOrigin) {
  Import("rpz", Put("l",
                    "rpz.test. 60 IN SOA ns. me. 1 2 3 4 5\n"
                    "rpz.test. 60 IN NS ns.\n"
                    "a.example.rpz.test. 60 IN CNAME .\n"
                    "*.a.example.rpz.test. 60 IN CNAME .\n"));
  EXPECT_EQ(hosts_, "a.example ");
}

// The category's name would be listed as a host.
TEST_F(ImportTest, CsvFindsTheHostsByTheirColumn) {
  Import("csv", Put("l",
                    "category,url\nAdult,http://a.example/\n"
                    "adult,b.example\nadult,http://c.example/page\n"
                    "\"games, adult\",d.example\n"));
  EXPECT_EQ(hosts_, "a.example b.example d.example ");
  Import("csv", Put("l", "category;place\nadult;a.example\n"));
  EXPECT_EQ(hosts_, "a.example ");
}

TEST_F(ImportTest, CsvTakesTheCategoryAskedFor) {
  const auto report =
      Import("csv", Put("l",
                        "id,Domain,Category\n1,a.example,adult\n"
                        "2,\"b.example\",\"games|adult\"\n"
                        "3,c.example,games\n4\n"));
  EXPECT_EQ(hosts_, "a.example b.example ");
  EXPECT_EQ(report.other, 1u);
  EXPECT_EQ(report.broken, 1u);
}

TEST_F(ImportTest, Ut1TreeAndCompression) {
  Put("tree/adult/domains", "a.example\n");
  for (const char* from : {"/tree", "/tree/adult", "/tree/adult/domains"}) {
    Import("ut1", folder_ + from);
    EXPECT_EQ(hosts_, "a.example ") << from;
  }
  const std::string text = "z.example\ny.example\n";
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(
      ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  Import("plain", Put("l.zst", packed));
  EXPECT_EQ(hosts_, "y.example z.example ");
  gzFile gz = gzopen((folder_ + "/l.gz").c_str(), "wb");
  gzwrite(gz, text.data(), static_cast<unsigned>(text.size()));
  gzclose(gz);
  Import("plain", folder_ + "/l.gz");
  EXPECT_EQ(hosts_, "y.example z.example ");
}

// Half a list would be taken for the whole of it.
TEST_F(ImportTest, BrokenCompressionKeepsTheOldOutput) {
  const std::string text(100000, 'x');
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(
      ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  ImportOrder order = {"plain",
                       Put("l.zst", packed.substr(0, 20)),
                       "adult",
                       "",
                       "",
                       "",
                       Put("out.txt", "good\n")};
  EXPECT_EQ(ImportList(order).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(*ReadWholeFile(order.output, 100), "good\n");
  order.path = folder_;
  EXPECT_EQ(ImportList(order).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(*ReadWholeFile(order.output, 100), "good\n");
  order.format = "nonsense";
  EXPECT_FALSE(ImportList(order).ok());
  order.format = "hosts";
  order.path = folder_ + "/none";
  EXPECT_EQ(ImportList(order).status().code(), absl::StatusCode::kNotFound);
}

// An innocent person would be accused of what half the country uses.
TEST_F(ImportTest, TheGateKeepsGoodHostsOutOfAccusingCategories) {
  Put("adult.txt",
      "# source: x\ngoogle.com\nco.uk\nuk\nbad.example\n"
      "bad.example\nwww.bad.example\nblogspot.com\n");
  Put("phishing.txt", "github.com\nlogin.microsoftonline.com\n");
  Put("search.txt", "google.com\n");
  Put("social.txt", "login.live.com\nfacebook.com\n");
  const CompiledLists lists = Compile();
  EXPECT_EQ(lists.reports[0].provenance.refused(), 4u);
  EXPECT_EQ(lists.reports[0].provenance.duplicates(), 1u);
  EXPECT_EQ(lists.reports[0].provenance.covered(), 1u);
  EXPECT_EQ(lists.reports[0].provenance.entries(), 1u);
  EXPECT_EQ(lists.reports[0].provenance.source(), "x");
  EXPECT_EQ(lists.reports[1].provenance.refused(), 2u);
  EXPECT_EQ(lists.reports[2].provenance.entries(), 1u);
  EXPECT_EQ(lists.reports[3].provenance.refused(), 1u);
  EXPECT_EQ(lists.reports[3].provenance.entries(), 1u);
}

// One bad line would close a part of the network, in any category.
TEST_F(ImportTest, NoCategoryListsAPublicSuffixUnasked) {
  for (const std::string_view category : KnownCategories()) {
    Put(std::string(category) + ".txt",
        "com\nco.uk\nxn--p1ai\nck\nx.ck\na.example\n");
  }
  for (const ListReport& report : Compile().reports) {
    EXPECT_EQ(report.provenance.entries(), 1u) << report.provenance.category();
    EXPECT_EQ(report.provenance.refused(), 5u) << report.provenance.category();
    EXPECT_EQ(report.refused_suffixes.size(), 5u);
  }
  Put("gate-exceptions.txt", "\xef\xbb\xbfgames co.uk # for a trial\n");
  for (const ListReport& report : Compile().reports) {
    EXPECT_EQ(report.provenance.refused(),
              report.provenance.category() == "games" ? 4u : 5u);
  }
}

// A name of the school's own network is no public suffix.
TEST_F(ImportTest, ASingleLabelOfOnesOwnMayBeListed) {
  Put("education.txt", "intranet\n");
  EXPECT_EQ(Compile().reports[0].provenance.entries(), 1u);
}

// Everybody's pages below would be blocked for what one list says of a host.
TEST_F(ImportTest, ACompanysSuffixIsListedAlone) {
  Put("games.txt", "github.io\nplay.github.io\ngithub.io\n");
  Put("blogs.txt", "blogspot.com\n");
  const CompiledLists lists = Compile();
  EXPECT_EQ(lists.reports[1].provenance.entries(), 2u);
  EXPECT_EQ(lists.reports[1].provenance.duplicates(), 1u);
  EXPECT_EQ(lists.reports[1].provenance.covered(), 0u);
  EXPECT_EQ(lists.reports[1].alone, std::vector<std::string>{"github.io"});
  EXPECT_TRUE(lists.reports[0].alone.empty());  // every name below is a blog
  ASSERT_EQ(lists.exceptions.size(), 1u);
  EXPECT_EQ(lists.exceptions[0].category(), "games");
  EXPECT_EQ(lists.exceptions[0].host(), "=github.io");
  Put("gate-exceptions.txt", "games github.io # all of it\n");
  EXPECT_TRUE(Compile().reports[1].alone.empty());
}

// The folder would be read otherwise than what was imported into it.
TEST_F(ImportTest, TheFolderIsReadAsImportReads) {
  const std::string list =
      "\xef\xbb\xbf# source: x\n*.a.example\n.b.example\nhttp://c.example/\n"
      "http://d.example/page\n10.0.0.300\n";
  Put("games.txt", list);
  Put("video.txt",
      "\xef\xbb\xbf"
      "a.example # why\n");
  const CompiledLists lists = Compile();
  EXPECT_EQ(lists.reports[0].provenance.source(), "x");
  EXPECT_EQ(lists.reports[0].provenance.entries(), 3u);
  EXPECT_EQ(lists.reports[0].provenance.malformed(), 2u);
  EXPECT_EQ(lists.reports[1].provenance.entries(), 1u);
  EXPECT_EQ(Import("plain", Put("l", list)).hosts, 3u);
}

// Nobody would miss a list whose name is misspelt.
TEST_F(ImportTest, FilesThatAreNoListsAreNamed) {
  for (const char* name : {"Gambling.txt", "my list.txt", "social.list",
                           "video", "README", "README.txt.md", "stop-list.txt",
                           "page-pairs.tsv", ".gitignore", "games.more.txt"}) {
    Put(name, "");
  }
  std::filesystem::create_directory(folder_ + "/folder");
  EXPECT_EQ(Compile().unread,
            (std::vector<std::string>{"Gambling.txt", "my list.txt",
                                      "social.list", "video"}));
}

// A bundle whose text is not UTF-8 could not be read by any device.
TEST_F(ImportTest, WhatAListSaysOfItselfIsAlwaysText) {
  Put("adult.txt", "# source: caf\xe9\n# licence: " + std::string(499, 'x') +
                       "\xc3\xa9\na.example\n");
  const CompiledLists lists = Compile();
  EXPECT_EQ(lists.reports[0].provenance.source(), "caf\\xe9");
  EXPECT_EQ(lists.reports[0].provenance.licence(), std::string(499, 'x'));
}

TEST_F(ImportTest, AnExceptionNeedsAReasonAndIsKept) {
  Put("adult.txt", "blogspot.com\n");
  Put("gate-exceptions.txt", "adult blogspot.com # agreed by the head\n");
  const CompiledLists lists = Compile();
  EXPECT_EQ(lists.reports[0].provenance.entries(), 1u);
  EXPECT_EQ(ProvenanceOf(lists).exceptions(0).reason(), "agreed by the head");
  Put("gate-exceptions.txt", "adult blogspot.com\n");
  EXPECT_FALSE(CompileLists(folder_, {}, [](std::string_view) {}).ok());
}

// What once was wrongly accused at a school would be accused again.
TEST_F(ImportTest, KnownGoodHostsAreNeverAccused) {
  const auto known = ReadWholeFile("rules/known-good.txt", 1 << 20);
  ASSERT_TRUE(known.ok()) << known.status();
  for (const std::string_view category : KnownCategories()) {
    Put(std::string(category) + ".txt", *known);
  }
  const CompiledLists lists = Compile();
  for (const ListReport& report : lists.reports) {
    if (!IsAccusing(report.provenance.category())) continue;
    EXPECT_EQ(report.provenance.entries(), 0u) << report.provenance.category();
    EXPECT_EQ(report.provenance.refused(), report.provenance.lines());
  }
}

TEST_F(ImportTest, EveryCategoryHasItsCanary) {
  const CompiledLists lists = Compile();
  EXPECT_EQ(lists.entries.size(), KnownCategories().size());
  EXPECT_EQ(CanaryHost("adult"), "adult.check.schoolgate.test");
}

}  // namespace
}  // namespace schoolgate::rules
