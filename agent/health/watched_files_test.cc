#include "agent/health/watched_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "agent/health/browser_policies.h"

namespace schoolgate::agent {
namespace {

namespace fs = std::filesystem;

class WatchedFilesTest : public testing::Test {
 protected:
  WatchedFilesTest() {
    char name[] = "/tmp/schoolgate-watched-XXXXXX";
    root_ = mkdtemp(name);
    Write("/etc/hosts", "127.0.0.1 localhost\n");
    Write("/etc/resolv.conf", "# by DHCP\nnameserver 192.0.2.1\n");
    Write("/usr/sbin/schoolgate-agent", "program");
  }
  ~WatchedFilesTest() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }

  WatchedFiles Open(const std::string& remembered, const std::string& version) {
    return WatchedFiles(FilesToWatch(root_), remembered, version, stop_);
  }

  static std::vector<std::string> KindsOf(const std::vector<Touched>& all) {
    std::vector<std::string> kinds;
    for (const Touched& touched : all) kinds.push_back(touched.kind);
    return kinds;
  }
  static bool No() { return false; }
  static bool Yes() { return true; }

  std::string root_;
  std::atomic<bool> stop_ = false;
};

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A pupil's line in the hosts file would lead around the filter unseen.
TEST_F(WatchedFilesTest, EachKindOfChangeIsToldOnceAndNeverItsContent) {
  WatchedFiles files = Open("", "1");
  EXPECT_THAT(files.Look(No, false), IsEmpty());
  Write("/etc/hosts", "127.0.0.1 localhost\n198.51.100.9 secret.example\n");
  Write("/etc/resolv.conf", "nameserver 198.51.100.53\n");
  Write("/etc/environment", "https_proxy=http://198.51.100.1:8080\n");
  Write("/usr/local/share/ca-certificates/mine.crt", "certificate");
  Write("/etc/systemd/system/schoolgate-agent.service.d/x.conf", "[Service]");
  const std::vector<Touched> touched = files.Look(No, false);
  EXPECT_THAT(KindsOf(touched), testing::UnorderedElementsAre(
                                    "resolver_changed", "hosts_file", "proxy",
                                    "root_cert", "unit_changed"));
  for (const Touched& one : touched) {
    EXPECT_THAT(one.detail, testing::Not(HasSubstr("secret")));
    EXPECT_THAT(one.detail, testing::Not(HasSubstr("198.51")));
  }
  EXPECT_THAT(files.Look(No, false), IsEmpty());
}

// A laptop that joins another network writes the same servers with another
// comment: nobody wants to read of that.
TEST_F(WatchedFilesTest, OnlyTheLinesThatCountAreLookedAt) {
  WatchedFiles files = Open("", "1");
  Write("/etc/resolv.conf", "# by another tool\nnameserver 192.0.2.1\n");
  Write("/etc/environment", "LANG=C\n");
  EXPECT_THAT(files.Look(No, false), IsEmpty());
}

// Stopped first and changed then: it would go unseen without a memory.
TEST_F(WatchedFilesTest, WhatChangedWhileTheAgentWasAwayIsTold) {
  const std::string remembered = Open("", "1").Remembered();
  Write("/usr/sbin/schoolgate-agent", "another program");
  EXPECT_THAT(KindsOf(Open(remembered, "1").Look(No, false)),
              ElementsAre("program_changed"));
}

// Every update of 5,000 laptops would be an alert.
TEST_F(WatchedFilesTest, AnUpdateIsNoTampering) {
  WatchedFiles before = Open("", "1");
  Write("/usr/sbin/schoolgate-agent", "version 2");
  EXPECT_THAT(before.Look(Yes, false), IsEmpty());
  EXPECT_THAT(Open(before.Remembered(), "2").Look(No, false), IsEmpty());
  EXPECT_THAT(KindsOf(before.Look(No, false)), ElementsAre("program_changed"));
}

// Laid down by ourselves it is no tampering; by anybody else it is.
TEST_F(WatchedFilesTest, OurPoliciesForBrowsersComeAndGoWithTheSchoolsPolicy) {
  const BrowserPlaces places{root_};
  fs::create_directories(root_ + "/etc/schoolgate");
  Write("/etc/firefox/policies/policies.json",
        "{\"policies\":{\"NetworkPrediction\":true}}");
  WatchedFiles files = Open("", "1");
  ASSERT_TRUE(HardenBrowsers(places).ok());
  EXPECT_THAT(files.Look(No, true), IsEmpty());
  fs::remove(BrowserPlaces::OwnFile(places.ManagedFolders()[0].second));
  EXPECT_THAT(KindsOf(files.Look(No, true)), ElementsAre("browser_policy"));
  ASSERT_TRUE(HardenBrowsers(places).ok());
  EXPECT_THAT(files.Look(No, true), IsEmpty());
  Write("/etc/firefox/policies/policies.json", "{\"policies\":{}}");
  EXPECT_THAT(KindsOf(files.Look(No, true)), ElementsAre("browser_policy"));
  ASSERT_TRUE(HardenBrowsers(places).ok());
  EXPECT_THAT(files.Look(No, true), IsEmpty());
  Write("/etc/chromium/policies/managed/mine.json", "{}");
  EXPECT_THAT(KindsOf(files.Look(No, true)), ElementsAre("browser_policy"));
  ASSERT_TRUE(ReleaseBrowsers(places).ok());
  EXPECT_THAT(files.Look(No, false), IsEmpty());
}

TEST_F(WatchedFilesTest, ADamagedMemoryIsABaselineNotACrash) {
  EXPECT_THAT(Open("{\"/etc/hosts\":7", "1").Look(No, false), IsEmpty());
  EXPECT_THAT(Open("[]", "1").Look(No, false), IsEmpty());
}

TEST_F(WatchedFilesTest, DpkgSaysWhetherItHasUsInItsHands) {
  Write("/status",
        "Package: bash\nStatus: install ok installed\n\n"
        "Package: schoolgate-agent\nStatus: install ok unpacked\n");
  EXPECT_TRUE(IsInstalling(root_ + "/status", "schoolgate-agent"));
  Write("/status",
        "Package: schoolgate-agent\nStatus: install ok installed\n\n"
        "Package: bash\nStatus: install ok unpacked\n");
  EXPECT_FALSE(IsInstalling(root_ + "/status", "schoolgate-agent"));
  EXPECT_FALSE(IsInstalling(root_ + "/none", "schoolgate-agent"));
}

}  // namespace
}  // namespace schoolgate::agent
