// The verb that says whose device is whose, as a program.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cli/data_directory.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program_test.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_owners.h"
#include "collector/store/scratch_test.h"
#include "proto/seal/keys.h"
#include "proto/seal/pseudonym.h"

namespace schoolgate::collector {
namespace {

class AssignVerb : public testing::Test {
 protected:
  AssignVerb() {
    CollectorConfig config;
    config.names = {"localhost"};
    config.schools = {{"oak", "Oak"}};
    EXPECT_TRUE(SaveConfig(directory_, config).ok());
    const std::string file = directory_.SchoolFile("oak", "pseudonym.key");
    std::filesystem::create_directories(
        std::filesystem::path(file).parent_path());
    EXPECT_TRUE(WriteSecretFile(file, seal::ToHex(key_)).ok());
    Device device;
    device.id = "D-4KQ7X2M9";
    device.school = "oak";
    device.hostname = "laptop-04";
    device.inventory_number = "OAK-104";
    EXPECT_TRUE((*OpenSqliteDeviceStore(directory_.Main()))->Put(device).ok());
    std::filesystem::create_directory(scratch_.File("keys"));
    EXPECT_TRUE(OpenAuditToBegin(directory_, absl::Now()).ok());
  }

  Done Run(const std::string& words) {
    return RunVerb("assign", scratch_.path(), words);
  }

  // Whether the log-in has a right to be on the device with this number.
  bool Fits(const std::string& number, const std::string& log_in) {
    Device device;
    device.inventory_number = number;
    const auto store = OpenSqliteAgreementStore(directory_.Main());
    return OwnersOf(**store, "oak")
        ->Fits(device, seal::Pseudonym(key_, log_in));
  }

  Scratch scratch_;
  const DataDirectory directory_{scratch_.path()};
  const std::string key_ = std::string(32, 'k');
};

// By hand, by its number, its name or its id; and back again.
TEST_F(AssignVerb, GivesADeviceAndTakesItBackOnRecord) {
  for (const char* name : {"D-4KQ7X2M9", "oak-104", "laptop-04"}) {
    const Done given = Run(absl::StrCat("--device ", name, " m.jones"));
    EXPECT_EQ(given.code, 0) << given.text;
    EXPECT_TRUE(Fits("OAK-104", "m.jones")) << name;
    EXPECT_FALSE(Fits("OAK-104", "j.smith")) << name;
    EXPECT_EQ(Run(absl::StrCat("--device ", name, " --none")).code, 0);
    EXPECT_TRUE(Fits("OAK-104", "j.smith")) << name;
  }
  ASSERT_EQ(Run("--device OAK-104 m.jones").code, 0);
  ASSERT_EQ(Run("--support it.help it.oncall").code, 0);
  EXPECT_TRUE(Fits("OAK-104", "it.oncall"));
  const Done list = Run("");
  EXPECT_TRUE(absl::StrContains(list.text, "laptop-04")) << list.text;
  EXPECT_TRUE(absl::StrContains(list.text, "1 of 1 devices")) << list.text;
  const std::string alias = seal::Pseudonym(key_, "m.jones");
  EXPECT_FALSE(absl::StrContains(list.text, alias)) << list.text;
  const auto audit = OpenAudit(directory_).value();
  const std::vector<AuditEntry> entries = audit->Read(0, 100).value();
  ASSERT_FALSE(entries.empty());
  for (const AuditEntry& entry : entries) {
    EXPECT_EQ(entry.action, "give_devices");
    EXPECT_FALSE(absl::StrContains(entry.detail, "jones"));
    EXPECT_FALSE(absl::StrContains(entry.detail, alias));
  }
}

// Thousands of laptops are told of before they are enrolled.
TEST_F(AssignVerb, AListGivesThoseThatAreStillToEnrolToo) {
  const std::string file = scratch_.File("list.csv");
  std::ofstream(file) << "Computer name;Asset tag;Log-in\n"
                         "laptop-04;OAK-104;m.jones\n"
                         "laptop-05;OAK-105;j.smith\n"
                         "laptop-06;;b.brown\n"
                         "hall;OAK-106;\n";
  const Done import = Run("--import " + file);
  EXPECT_EQ(import.code, 0) << import.text;
  EXPECT_TRUE(absl::StrContains(import.text, "2 computers")) << import.text;
  EXPECT_TRUE(absl::StrContains(import.text, "1 without")) << import.text;
  EXPECT_FALSE(Fits("OAK-105", "m.jones"));
  EXPECT_TRUE(Fits("OAK-106", "m.jones"));
}

TEST_F(AssignVerb, WhatDoesNotFitIsToldAndChangesNothing) {
  EXPECT_EQ(Run("--device OAK-999 m.jones").code, 1);
  EXPECT_EQ(Run("--device OAK-104").code, 2);
  EXPECT_EQ(Run("m.jones").code, 2);
  EXPECT_EQ(Run("--device OAK-104 --support m.jones").code, 2);
  EXPECT_EQ(Run("--device OAK-104 a b c d e").code, 1);
  const std::string file = scratch_.File("list.csv");
  std::ofstream(file) << "Asset tag\nOAK-104\n";
  const Done none = Run("--import " + file);
  EXPECT_EQ(none.code, 1);
  EXPECT_TRUE(absl::StrContains(none.text, "log-in")) << none.text;
  EXPECT_TRUE(Fits("OAK-104", "j.smith"));
}

}  // namespace
}  // namespace schoolgate::collector
