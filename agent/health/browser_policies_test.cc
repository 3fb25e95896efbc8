#include "agent/health/browser_policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace schoolgate::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class BrowserPoliciesTest : public testing::Test {
 protected:
  BrowserPoliciesTest() {
    char name[] = "/tmp/schoolgate-browsers-XXXXXX";
    places_.root = mkdtemp(name);
    fs::create_directories(places_.root + "/etc/schoolgate");
  }
  ~BrowserPoliciesTest() override { fs::remove_all(places_.root); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
  }

  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  json Firefox() {
    return json::parse(Read(places_.FirefoxFile()), nullptr, false);
  }

  std::map<std::string, std::string> States(bool asked = true) {
    std::map<std::string, std::string> states;
    for (const v1::BrowserState& state : LookAtBrowsers(places_, asked)) {
      states[state.browser()] = state.state();
    }
    return states;
  }

  // Every file and folder below the root, and what stands in it.
  std::map<std::string, std::string> Everything() {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(places_.root)) {
      all[entry.path().string()] =
          entry.is_regular_file() ? Read(entry.path().string()) : "folder";
    }
    return all;
  }

  std::string Managed(const std::string& browser) {
    for (const auto& [name, folder] : places_.ManagedFolders()) {
      if (name == browser) return folder;
    }
    return "";
  }

  BrowserPlaces places_;
};

using testing::_;
using testing::Each;
using testing::Eq;
using testing::Pair;

TEST_F(BrowserPoliciesTest, LaysDownWhatEachBrowserReads) {
  EXPECT_THAT(States(), Each(Pair(_, "missing")));
  ASSERT_TRUE(HardenBrowsers(places_).ok());
  EXPECT_THAT(States(), Each(Pair(_, "in_force")));
  EXPECT_THAT(States(false), Each(Pair(_, "off")));
  for (const auto& [browser, folder] : places_.ManagedFolders()) {
    const json policies =
        json::parse(Read(BrowserPlaces::OwnFile(folder)), nullptr, false);
    EXPECT_EQ(policies, json({{"DnsOverHttpsMode", "off"},
                              {"EncryptedClientHelloEnabled", false},
                              {"NetworkPredictionOptions", 2}}))
        << browser;
  }
  EXPECT_EQ(Firefox()["policies"]["NetworkPrediction"], false);
  EXPECT_EQ(Firefox()["policies"]["DNSOverHTTPS"]["Enabled"], false);
  EXPECT_EQ(Firefox()["policies"]["DNSOverHTTPS"]["Locked"], true);
  EXPECT_EQ(Firefox()["policies"]["DisableEncryptedClientHello"], true);
  // Browsers run as people, not as root.
  struct stat about {};
  ASSERT_EQ(stat(places_.FirefoxFile().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0644u);
}

// A removed package must leave a machine as it found it.
TEST_F(BrowserPoliciesTest, NothingIsLeftBehind) {
  const auto before = Everything();
  ASSERT_TRUE(HardenBrowsers(places_).ok());
  ASSERT_TRUE(HardenBrowsers(places_).ok());
  ASSERT_TRUE(ReleaseBrowsers(places_).ok());
  EXPECT_EQ(Everything(), before);
  ASSERT_TRUE(ReleaseBrowsers(places_).ok());
  EXPECT_EQ(Everything(), before);
}

// The school's administrator has policies of their own, written by hand.
TEST_F(BrowserPoliciesTest, WhatTheAdministratorHasThereStaysToTheLetter) {
  const std::string by_hand =
      "{ \"policies\": {\n\t\"Homepage\": {\"URL\": "
      "\"https://school.example\"},\n"
      "\t\"DNSOverHTTPS\": {\"Enabled\": true, \"ProviderURL\": "
      "\"https://dns.example/\"} } }\n";
  Write(places_.FirefoxFile(), by_hand);
  chmod(places_.FirefoxFile().c_str(), 0640);
  Write(Managed("chromium") + "/school.json", "{\"HomepageLocation\": \"x\"}");
  const auto before = Everything();
  ASSERT_TRUE(HardenBrowsers(places_).ok());
  EXPECT_THAT(States(), Each(Pair(_, "in_force")));
  EXPECT_EQ(Firefox()["policies"]["Homepage"]["URL"], "https://school.example");
  struct stat about {};
  ASSERT_EQ(stat(places_.FirefoxFile().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0640u);
  ASSERT_TRUE(ReleaseBrowsers(places_).ok());
  EXPECT_EQ(Everything(), before);
}

// What the administrator changed meanwhile is theirs: it is not rolled back.
TEST_F(BrowserPoliciesTest, ChangesMadeMeanwhileOutliveUs) {
  Write(places_.FirefoxFile(), "{\"policies\": {\"NetworkPrediction\": true}}");
  ASSERT_TRUE(HardenBrowsers(places_).ok());
  json now = Firefox();
  now["policies"]["DisableTelemetry"] = true;
  now["policies"]["DisableEncryptedClientHello"] = false;
  Write(places_.FirefoxFile(), now.dump());
  Write(Managed("chrome") + "/late.json", "{}");
  EXPECT_EQ(States()["firefox"], "changed");
  ASSERT_TRUE(ReleaseBrowsers(places_).ok());
  EXPECT_EQ(Firefox()["policies"]["DisableTelemetry"], true);
  EXPECT_EQ(Firefox()["policies"]["DisableEncryptedClientHello"], false);
  EXPECT_EQ(Firefox()["policies"]["NetworkPrediction"], true);
  EXPECT_FALSE(Firefox()["policies"].contains("DNSOverHTTPS"));
  EXPECT_TRUE(fs::exists(Managed("chrome") + "/late.json"));
  EXPECT_FALSE(fs::exists(Managed("chromium")));
}

// Laid down a second time after somebody's change, it must still know what
// stood there first.
TEST_F(BrowserPoliciesTest, WhatStoodThereFirstIsPutBackAlsoAfterATug) {
  Write(places_.FirefoxFile(), "{\"policies\": {\"NetworkPrediction\": true}}");
  const auto before = Everything();
  ASSERT_TRUE(HardenBrowsers(places_).ok());
  Write(places_.FirefoxFile(), "{\"policies\": {}}");
  EXPECT_EQ(States()["firefox"], "missing");
  ASSERT_TRUE(HardenBrowsers(places_).ok());
  EXPECT_EQ(States()["firefox"], "in_force");
  ASSERT_TRUE(ReleaseBrowsers(places_).ok());
  EXPECT_EQ(Everything(), before);
}

// A file that we do not understand is not ours to rewrite.
TEST_F(BrowserPoliciesTest, WhatCannotBeReadIsLeftAlone) {
  for (const std::string text :
       {"", "{ // mine\n", "[]", "{\"policies\": 5}"}) {
    Write(places_.FirefoxFile(), text);
    const absl::Status status = HardenBrowsers(places_);
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << text;
    EXPECT_THAT(std::string(status.message()),
                testing::HasSubstr("policies.json"));
    EXPECT_EQ(Read(places_.FirefoxFile()), text);
    EXPECT_EQ(States()["chromium"], "in_force") << "the others go on";
    ASSERT_TRUE(ReleaseBrowsers(places_).ok());
    EXPECT_EQ(Read(places_.FirefoxFile()), text);
  }
}

TEST_F(BrowserPoliciesTest, ALinkIsLeftAlone) {
  Write(places_.root + "/elsewhere.json", "{\"policies\": {}}");
  fs::create_directories(fs::path(places_.FirefoxFile()).parent_path());
  fs::create_symlink(places_.root + "/elsewhere.json", places_.FirefoxFile());
  EXPECT_TRUE(absl::IsFailedPrecondition(HardenBrowsers(places_)));
  EXPECT_EQ(Read(places_.root + "/elsewhere.json"), "{\"policies\": {}}");
  EXPECT_TRUE(fs::is_symlink(places_.FirefoxFile()));
}

// Chromium reads all files; the last one by name counts.
TEST_F(BrowserPoliciesTest, AFileThatCountsMoreIsSeen) {
  ASSERT_TRUE(HardenBrowsers(places_).ok());
  Write(Managed("edge") + "/a.json", "{\"DnsOverHttpsMode\": \"secure\"}");
  EXPECT_EQ(States()["edge"], "in_force");
  Write(Managed("edge") + "/zzz.json", "{\"DnsOverHttpsMode\": \"off\"}");
  EXPECT_EQ(States()["edge"], "in_force");
  Write(Managed("edge") + "/zzz.json", "{\"DnsOverHttpsMode\": \"secure\"}");
  EXPECT_EQ(States()["edge"], "overruled");
}

TEST_F(BrowserPoliciesTest, SomebodysHandIsSeen) {
  ASSERT_TRUE(HardenBrowsers(places_).ok());
  unlink(BrowserPlaces::OwnFile(Managed("chrome")).c_str());
  Write(BrowserPlaces::OwnFile(Managed("edge")), "{}");
  EXPECT_EQ(States()["chrome"], "missing");
  EXPECT_EQ(States()["edge"], "changed");
  ASSERT_TRUE(HardenBrowsers(places_).ok());
  EXPECT_THAT(States(), Each(Pair(_, "in_force")));
}

}  // namespace
}  // namespace schoolgate::agent
