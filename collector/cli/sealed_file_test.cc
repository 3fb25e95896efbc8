#include "collector/cli/sealed_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "collector/fleet/secret_file.h"
#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

void Write(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

// Whoever finds the stick would read what is on it.
TEST(SealedFile, OnlyTheReadersKeyOpensIt) {
  Scratch scratch;
  const std::string reader = scratch.File("reader");
  const std::string other = scratch.File("other");
  ASSERT_TRUE(MakeReaderKey(reader).ok());
  ASSERT_TRUE(MakeReaderKey(other).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(MakeReaderKey(reader)));
  const std::string text = "\"2026-11-02\",\"Key Stage 2\",\"gambling\"\r\n";
  const auto sealed = SealForReader(reader + ".pub", text);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  EXPECT_EQ(sealed->find("gambling"), std::string::npos);
  const std::string file = scratch.File("report");
  Write(file, *sealed);
  EXPECT_EQ(OpenSealed(file, reader + ".key").value(), text);
  EXPECT_TRUE(
      absl::IsPermissionDenied(OpenSealed(file, other + ".key").status()));
  // Each byte counts.
  for (size_t at = 20; at < sealed->size(); at += 7) {
    std::string changed = *sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    Write(file, changed);
    EXPECT_FALSE(OpenSealed(file, reader + ".key").ok()) << at;
  }
}

TEST(SealedFile, SaysWhatIsWrong) {
  Scratch scratch;
  const std::string reader = scratch.File("reader");
  ASSERT_TRUE(MakeReaderKey(reader).ok());
  Write(scratch.File("no-key"), "hello");
  Write(scratch.File("plain.csv"), "day,group\n");
  EXPECT_TRUE(absl::IsInvalidArgument(
      SealForReader(scratch.File("no-key"), "x").status()));
  EXPECT_FALSE(SealForReader(scratch.File("nothing"), "x").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(
      OpenSealed(scratch.File("plain.csv"), reader + ".key").status()));
  EXPECT_TRUE(absl::IsNotFound(
      OpenSealed(scratch.File("nothing"), reader + ".key").status()));
}

}  // namespace
}  // namespace schoolgate::collector
