#include <fstream>
#include <iterator>

#include "collector/store/event_store_conformance_test.h"
#include "collector/store/open_readers.h"

namespace schoolgate::collector {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, EventStoreTest,
                         testing::Values(OpenEventStore(OpenSqliteEventStore)));

// Somebody's name would stay on the disk after its time, because somebody
// had read in its file.
TEST(SqliteEventStoreTest, WhatIsErasedIsOnTheDiskNoMore) {
  const Scratch scratch;
  auto store = *OpenSqliteEventStore(scratch.path());
  const absl::Duration day = absl::Hours(24);
  ASSERT_TRUE(store->Append({Contact("D-1", 1, "P-ERASED", kMorning)}).ok());
  ASSERT_TRUE(
      store->Append({Contact("D-1", 2, "P-LATER", kMorning + 4 * day)}).ok());
  ASSERT_EQ(store->Find({.school = "oak"})->size(), 2u);
  ASSERT_EQ(*store->Sweep(kMorning + 3 * day, {{day, day}, {}}), 1u);
  EXPECT_EQ(store->Find({.school = "oak"})->size(), 1u);
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(scratch.path())) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(bytes.find("P-ERASED"), std::string::npos) << entry.path();
  }
}

// A school that keeps more days than files are kept open would find less.
TEST(SqliteEventStoreTest, MoreDaysThanOpenFilesAreSearched) {
  const Scratch scratch;
  auto store = *OpenSqliteEventStore(scratch.path());
  const uint64_t days = OpenReaders::kMost + 5;
  for (uint64_t i = 1; i <= days; ++i) {
    const absl::Time time = kMorning + absl::Hours(24 * static_cast<int>(i));
    ASSERT_TRUE(store->Append({Contact("D-1", i, "P-A", time)}).ok());
  }
  for (int look = 0; look < 2; ++look) {
    EXPECT_EQ(store->Find({.subject = "P-A"})->size(), days);
  }
}

}  // namespace
}  // namespace schoolgate::collector
