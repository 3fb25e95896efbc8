#include "collector/web/inventory.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'795'338'000);

Device Enrolled(const std::string& name, const std::string& number,
                absl::Duration ago = absl::Hours(1)) {
  Device device;
  device.id = "D-" + name;
  device.hostname = name;
  device.inventory_number = number;
  device.last_contact = kNow - ago;
  return device;
}

// What spreadsheets really write: marks, quotes, other separators.
TEST(Inventory, ReadsWhatSpreadsheetsWrite) {
  const std::vector<InventoryLine> expected = {{"OAK-1", "laptop-1"},
                                               {"OAK-2", "the \"new\" one"}};
  for (const char* csv : {"Room,Asset tag,Computer name\nhall,OAK-1,laptop-1\n"
                          "hall,OAK-2,\"the \"\"new\"\" one\"\n",
                          "\xef\xbb\xbf"
                          "Inventory number;Hostname\r\nOAK-1;laptop-1\r\n;\r\n"
                          "OAK-2;\"the \"\"new\"\" one\"",
                          "name\tasset\n\"laptop-1\" \tOAK-1\n\"the "
                          "\"\"new\"\" one\"\t OAK-2 "}) {
    const auto lines = ParseInventory(csv);
    ASSERT_TRUE(lines.ok()) << lines.status();
    EXPECT_EQ(*lines, expected) << csv;
  }
}

// A list that cannot be read must say what is wrong with it.
TEST(Inventory, SaysWhatIsWrongWithAList) {
  const std::pair<std::string, const char*> lists[] = {
      {"", "empty"},
      {"room,price\nhall,3\n", "Line 1"},
      {"asset tag\n", "no computer"},
      {"asset tag\n\"OAK-1\n", "Line 2"},
      {"asset tag\n\"OAK\"1\n", "Line 2"},
      {std::string("asset\0tag\n", 10), "no text"},
      {"asset tag\n" + std::string(300, 'x'), "Line 2"},
      {std::string(kInventoryMaxBytes + 1, 'x'), "1 MB"}};
  for (const auto& [csv, words] : lists) {
    const auto lines = ParseInventory(csv);
    ASSERT_FALSE(lines.ok()) << csv.substr(0, 40);
    EXPECT_TRUE(absl::StrContains(lines.status().message(), words))
        << lines.status();
  }
  std::string many = "asset tag\n";
  for (size_t i = 0; i <= kInventoryMaxLines; ++i) {
    many += std::to_string(i) + "\n";
  }
  EXPECT_FALSE(ParseInventory(many).ok());
}

// An unprotected computer would be taken for a protected one.
TEST(Inventory, SaysWhoIsMissingAndWhoIsUnknown) {
  std::vector<Device> devices = {
      Enrolled("laptop-1", "OAK-1"),
      Enrolled("laptop-2", ""),
      Enrolled("laptop-3", "OAK-3", absl::Hours(24 * 30)),
      Enrolled("stranger", "ELM-9"),
      Enrolled("laptop-5", "OAK-55"),
      Enrolled("old", "OAK-7")};
  devices.back().state = DeviceState::kDecommissioned;
  const std::vector<InventoryLine> lines = {
      {"oak-1 ", "renamed"}, {"OAK-2", "LAPTOP-2"}, {"OAK-3", ""},
      {"OAK-4", "laptop-4"}, {"OAK-5", "laptop-5"}, {"OAK-7", "old"},
      {"OAK-4", "laptop-4"}};
  const InventoryComparison result = Compare(lines, devices, kNow);
  EXPECT_EQ(result.matched, 2u);
  EXPECT_EQ(result.missing, (std::vector<InventoryLine>{{"OAK-4", "laptop-4"},
                                                        {"OAK-5", "laptop-5"},
                                                        {"OAK-7", "old"}}));
  ASSERT_EQ(result.silent.size(), 1u);
  EXPECT_EQ(result.silent[0]->hostname, "laptop-3");
  ASSERT_EQ(result.unknown.size(), 2u);
  EXPECT_EQ(result.unknown[0]->hostname, "stranger");
  EXPECT_EQ(result.unknown[1]->hostname, "laptop-5");
  ASSERT_EQ(result.repeated.size(), 1u);
}

// A person's name in place of a log-in would make strangers of all owners.
TEST(Inventory, ReadsWhoseComputersTheyAre) {
  const auto lines = ParseInventory(
      "Asset tag,Log-in\nOAK-1,m.jones\nOAK-2,\"a.b SCHOOL\\c.d\"\nOAK-3,\n");
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ((*lines)[0].log_ins, (std::vector<std::string>{"m.jones"}));
  EXPECT_EQ((*lines)[1].log_ins,
            (std::vector<std::string>{"a.b", "SCHOOL\\c.d"}));
  EXPECT_EQ((*lines)[2].log_ins, std::vector<std::string>());
  EXPECT_EQ(ParseInventory("Asset tag\nOAK-1\n")->front().log_ins,
            std::nullopt);
  for (const char* cell : {"Mrs. Jones (head)", "a b c d e"}) {
    const auto wrong =
        ParseInventory(absl::StrCat("Asset tag,Log-in\nOAK-1,", cell, "\n"));
    ASSERT_FALSE(wrong.ok()) << cell;
    EXPECT_TRUE(absl::StrContains(wrong.status().message(), "Line 2"));
  }
}

}  // namespace
}  // namespace schoolgate::collector
