#include "platform/yaml/yaml_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace schoolgate::platform {
namespace {

struct Tuckshop {
  std::string name;
  bool open = false;
  std::vector<std::string> wares;
};

class TuckshopReader : YamlReader {
 public:
  TuckshopReader() : YamlReader("shop.yaml", "docs/shops.md") {}

  std::string ComplaintOf(const std::string& text, Tuckshop* shop) {
    return std::string(ReadAll(text, [&](const YAML::Node& root) {
                         Map(root, {{"name", Text(&shop->name)},
                                    {"open", Flag(&shop->open)},
                                    {"wares", Texts(&shop->wares)}});
                       }).message());
  }
};

std::string ComplaintOf(const std::string& text) {
  Tuckshop shop;
  return TuckshopReader().ComplaintOf(text, &shop);
}

TEST(YamlReader, ReadsWhatEachKeySays) {
  Tuckshop shop;
  EXPECT_EQ(TuckshopReader().ComplaintOf(
                "name: Corner\nopen: yes\nwares: [bun, apple]\n", &shop),
            "");
  EXPECT_EQ(shop.name, "Corner");
  EXPECT_TRUE(shop.open);
  EXPECT_EQ(shop.wares, (std::vector<std::string>{"bun", "apple"}));
}

TEST(YamlReader, AComplaintHasTheLineAndWhereTheKeysAreListed) {
  EXPECT_EQ(ComplaintOf("name: Corner\nnmae: x\n"),
            "shop.yaml:2: unknown key \"nmae\": docs/shops.md lists the keys");
  EXPECT_EQ(ComplaintOf("open: perhaps\n"),
            "shop.yaml:1: expected yes or no: docs/shops.md lists the keys");
  EXPECT_EQ(ComplaintOf("name: [a]\n"),
            "shop.yaml:1: expected a word: docs/shops.md lists the keys");
  EXPECT_EQ(ComplaintOf("wares: bun\n"),
            "shop.yaml:1: expected a list: docs/shops.md lists the keys");
  EXPECT_EQ(
      ComplaintOf("- name\n"),
      "shop.yaml:1: expected lines of `key: value`: docs/shops.md lists the "
      "keys");
}

TEST(YamlReader, TheFirstOfSeveralComplaintsIsKept) {
  EXPECT_EQ(ComplaintOf("open: 3\nwares: bun\n"),
            "shop.yaml:1: expected yes or no: docs/shops.md lists the keys");
}

TEST(YamlReader, WhatIsNoYamlIsRefusedWithItsLine) {
  const std::string complaint = ComplaintOf("name: Corner\nopen: [yes\n");
  EXPECT_TRUE(complaint.starts_with("shop.yaml:3: not YAML: ")) << complaint;
  EXPECT_TRUE(complaint.ends_with(": mend the line")) << complaint;
}

}  // namespace
}  // namespace schoolgate::platform
