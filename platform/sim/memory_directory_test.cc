// What would go wrong for a user: a crash test on a disk that never loses
// anything proves nothing.
#include "platform/sim/memory_directory.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace schoolgate::platform {
namespace {

std::string Content(Directory& directory, const std::string& name) {
  auto file = directory.Open(name, OpenMode::kRead);
  if (!file.ok()) return "(none)";
  std::array<char, 100> into;
  return std::string(into.data(), *(*file)->ReadAt(0, into));
}

TEST(MemoryDiskTest, SyncedBytesSurviveAPowerCutAndOthersMayNot) {
  std::mt19937_64 random(1);
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    MemoryDisk disk;
    auto root = disk.OpenRoot();
    auto file = *root->Open("a", OpenMode::kCreate);
    ASSERT_TRUE(file->WriteAt(0, "durable").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(root->Sync().ok());
    ASSERT_TRUE(file->WriteAt(7, "-one").ok());
    ASSERT_TRUE(file->WriteAt(11, "-two").ok());
    disk.LosePower(random);
    EXPECT_FALSE(file->WriteAt(0, "x").ok());
    const std::string content = Content(*disk.OpenRoot(), "a");
    EXPECT_EQ(content.substr(0, 7), "durable");
    seen.insert(content);
  }
  EXPECT_TRUE(seen.contains("durable"));
  EXPECT_TRUE(seen.contains("durable-one-two"));
  EXPECT_TRUE(seen.contains(std::string("durable\0\0\0\0-two", 15)));
  EXPECT_TRUE(seen.contains("durable-o"));
}

TEST(MemoryDiskTest, ANameIsLostWithoutASyncOfTheFolder) {
  std::mt19937_64 random(2);
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    MemoryDisk disk;
    auto root = disk.OpenRoot();
    auto file = *root->Open("a", OpenMode::kCreate);
    ASSERT_TRUE(file->WriteAt(0, "x").ok());
    ASSERT_TRUE(file->Sync().ok());
    disk.LosePower(random);
    seen.insert(Content(*disk.OpenRoot(), "a"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"(none)", "x"}));
}

TEST(MemoryDiskTest, ReservedSpaceIsThereWhenTheDiskIsFull) {
  MemoryDisk disk;
  auto root = disk.OpenRoot();
  disk.SetFreeBytes(100);
  auto kept = *root->Open("a", OpenMode::kCreate);
  EXPECT_TRUE(kept->Reserve(60).ok());
  auto other = *root->Open("b", OpenMode::kCreate);
  EXPECT_TRUE(absl::IsResourceExhausted(other->Reserve(50)));
  EXPECT_TRUE(other->WriteAt(0, std::string(40, 'x')).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(other->WriteAt(40, "x")));
  EXPECT_TRUE(kept->WriteAt(0, std::string(60, 'x')).ok());
  EXPECT_TRUE(root->Remove("b").ok());
  EXPECT_EQ(disk.free_bytes(), 40u);
  disk.SetFreeInodes(0);
  EXPECT_TRUE(
      absl::IsResourceExhausted(root->Open("c", OpenMode::kCreate).status()));
}

}  // namespace
}  // namespace schoolgate::platform
