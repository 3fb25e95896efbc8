// A disk that fails at the nth write: nothing acknowledged is lost, nothing
// is stored twice, and the store goes on when the disk is well again.
#include <errno.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <set>

#include "collector/store/event_store.h"
#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

// SQLite lets a test stand between it and the kernel. One thread at a time.
int writes_left = -1;  // -1: the disk is well
int failure = ENOSPC;

bool Fails() {
  if (writes_left < 0) return false;
  if (writes_left > 0) {
    --writes_left;
    return false;
  }
  errno = failure;
  return true;
}

ssize_t Write(int file, const void* bytes, size_t size) {
  return Fails() ? -1 : write(file, bytes, size);
}

ssize_t PositionedWrite(int file, const void* bytes, size_t size, off_t at) {
  return Fails() ? -1 : pwrite(file, bytes, size, at);
}

class FailingDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    Replace(vfs, "write", reinterpret_cast<sqlite3_syscall_ptr>(Write));
    Replace(vfs, "pwrite",
            reinterpret_cast<sqlite3_syscall_ptr>(PositionedWrite));
    Replace(vfs, "pwrite64",
            reinterpret_cast<sqlite3_syscall_ptr>(PositionedWrite));
  }
  void TearDown() override {
    writes_left = -1;
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    for (const char* call : {"write", "pwrite", "pwrite64"}) {
      vfs->xSetSystemCall(vfs, call, nullptr);
    }
  }
  static void Replace(sqlite3_vfs* vfs, const char* call,
                      sqlite3_syscall_ptr by) {
    if (vfs->xGetSystemCall(vfs, call) != nullptr) {
      vfs->xSetSystemCall(vfs, call, by);
    }
  }
};

std::vector<StoredEvent> Batch(uint64_t first) {
  std::vector<StoredEvent> events;
  for (uint64_t i = first; i < first + 5; ++i) {
    StoredEvent& stored = events.emplace_back();
    stored.school = "oak";
    stored.device = "D-1";
    stored.epoch = 1;
    // A new day with every third batch, so that files are made under failure.
    stored.received = absl::FromUnixSeconds(
        1'795'424'400 + static_cast<int64_t>(first / 15) * 86400);
    stored.happened = stored.received;
    stored.event.set_sequence(i);
    stored.event.mutable_person()->set_pseudonym("P-" + std::to_string(i));
    stored.event.mutable_contact()->set_host("www.example.test");
    stored.event.mutable_contact()->add_categories("video");
  }
  return events;
}

TEST_F(FailingDiskTest, EveryWriteMayFailAndNothingIsLostOrDoubled) {
  for (const int error : {ENOSPC, EIO}) {
    failure = error;
    uint64_t all_failures = 0;
    for (int nth = 0; nth < 80; nth += 3) {
      Scratch scratch;
      auto store = OpenSqliteEventStore(scratch.path()).value();
      uint64_t failures = 0;
      for (uint64_t first = 1; first <= 46; first += 5) {
        if (failures == 0) writes_left = nth;
        const auto tried = store->Append(Batch(first));
        if (!tried.ok()) {
          ++failures;
          ++all_failures;
          // While the disk fails an answer may be refused (a new day's file
          // cannot be opened), but not wrong.
          const auto durable = store->DurableSequence("D-1", 1);
          if (durable.ok()) {
            EXPECT_LE(*durable, first - 1);
          }
          writes_left = -1;
          const auto again = store->Append(Batch(first));
          ASSERT_TRUE(again.ok()) << again.status() << " write " << nth;
          EXPECT_EQ(again->size(), 5u);
        }
        writes_left = -1;
        EXPECT_EQ(store->DurableSequence("D-1", 1).value(), first + 4);
      }
      store.reset();
      store = OpenSqliteEventStore(scratch.path()).value();
      EXPECT_EQ(store->DurableSequence("D-1", 1).value(), 50u);
      uint64_t cursor = 0;
      const auto all = store->ReadAfter(0, 1000, &cursor).value();
      std::set<uint64_t> sequences;
      for (const StoredEvent& event : all) {
        sequences.insert(event.event.sequence());
      }
      EXPECT_EQ(all.size(), 50u) << "write " << nth;
      EXPECT_EQ(sequences.size(), 50u);
    }
    // Writes beyond what fifty events need never come to pass.
    EXPECT_GE(all_failures, 10u) << "the disk hardly failed";
  }
}

}  // namespace
}  // namespace schoolgate::collector
