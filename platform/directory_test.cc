// What would go wrong for a user: files of the spool that the uplink may not
// read, or a name that leads out of the folder.
#include "platform/directory.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "platform/whole_file.h"

namespace schoolgate::platform {
namespace {

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() {
    std::string name = testing::TempDir() + "directoryXXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~DirectoryTest() override { std::filesystem::remove_all(path_); }
  std::string path_;
};

TEST_F(DirectoryTest, KeepsWhatIsWrittenWhereItIsWritten) {
  auto directory = OpenDirectory(path_ + "/spool", 0640);
  ASSERT_TRUE(directory.ok()) << directory.status();
  auto file = (*directory)->Open("a", OpenMode::kCreate);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE((*file)->Reserve(1 << 20).ok());
  EXPECT_EQ(*(*file)->Size(), 0u);
  EXPECT_TRUE((*file)->WriteAt(3, "abc").ok());
  EXPECT_TRUE((*file)->Sync().ok());
  std::array<char, 10> into{};
  EXPECT_EQ(*(*file)->ReadAt(2, into), 4u);
  EXPECT_EQ(std::string(into.data(), 4), std::string("\0abc", 4));
  EXPECT_TRUE((*file)->Truncate(4).ok());
  EXPECT_EQ(*(*file)->Size(), 4u);
  struct stat status {};
  ASSERT_EQ(stat((path_ + "/spool/a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST_F(DirectoryTest, SaysWhatIsThereAndWhatIsNot) {
  auto directory = *OpenDirectory(path_);
  EXPECT_TRUE(
      absl::IsNotFound(directory->Open("none", OpenMode::kReadWrite).status()));
  ASSERT_TRUE(directory->Open("b", OpenMode::kCreate).ok());
  ASSERT_TRUE(directory->Open("a", OpenMode::kCreate).ok());
  EXPECT_TRUE(
      absl::IsAlreadyExists(directory->Open("a", OpenMode::kCreate).status()));
  EXPECT_EQ(*directory->List(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(directory->Rename("a", "c").ok());
  EXPECT_TRUE(directory->Remove("b").ok());
  EXPECT_TRUE(absl::IsNotFound(directory->Remove("b")));
  EXPECT_EQ(*directory->List(), std::vector<std::string>{"c"});
  EXPECT_TRUE(directory->Sync().ok());
}

TEST_F(DirectoryTest, ALinkLaidByAnotherIsNotFollowed) {
  auto directory = *OpenDirectory(path_);
  std::filesystem::create_symlink("/etc/passwd", path_ + "/link");
  EXPECT_FALSE(directory->Open("link", OpenMode::kRead).ok());
}

TEST_F(DirectoryTest, AWholeFileIsReplacedOrUntouched) {
  const std::string path = path_ + "/file";
  EXPECT_TRUE(absl::IsNotFound(ReadWholeFile(path, 10).status()));
  EXPECT_TRUE(ReplaceFile(path, "one", 0600).ok());
  EXPECT_TRUE(ReplaceFile(path, "two", 0640).ok());
  EXPECT_EQ(*ReadWholeFile(path, 3), "two");
  EXPECT_TRUE(absl::IsOutOfRange(ReadWholeFile(path, 2).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(CreateFile(path, "three", 0600)));
  EXPECT_EQ(*ReadWholeFile(path, 100), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path_), {}), 1);
}

}  // namespace
}  // namespace schoolgate::platform
