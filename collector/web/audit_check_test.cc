#include "collector/web/audit_check.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "collector/store/begun_log_test.h"
#include "collector/store/scratch_test.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1795338000);

class AuditCheckTest : public testing::Test {
 protected:
  void Add(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      AuditEntry entry;
      entry.time = kNow;
      entry.who = "head";
      entry.action = "view_alert";
      ASSERT_TRUE(log_->Append(entry).ok());
    }
    last_ += count;
  }

  void Forge(const std::string& sql) {
    auto forger = Database::Open(file_).value();
    ASSERT_TRUE(forger
                    ->Execute("DROP TRIGGER IF EXISTS audit_no_update;"
                              "DROP TRIGGER IF EXISTS audit_no_delete;" +
                              sql)
                    .ok());
  }

  // Waits for the first whole check.
  std::optional<bool> Whole(AuditCheck& check, absl::Time now) {
    while (true) {
      const auto verdict = check.Look(last_, now);
      if (verdict.whole) return verdict.whole;
      std::this_thread::yield();
    }
  }

  Scratch scratch_;
  const std::string file_ = scratch_.File("main.sqlite");
  std::unique_ptr<AuditLog> log_ = BegunAuditLog(file_);
  uint64_t last_ = 0;
};

// A forged line would stand as checked.
TEST_F(AuditCheckTest, AShortLogIsCheckedWholeAtEveryLook) {
  Add(5);
  AuditCheck check(*log_);
  EXPECT_EQ(check.Look(last_, kNow).whole, true);
  Forge("UPDATE audit SET who='nobody' WHERE number=2");
  EXPECT_EQ(check.Look(last_, kNow).whole, false);
}

// The page would take seconds in a trust with years of looks behind it, or the
// forger would only have to wait for a long log.
TEST_F(AuditCheckTest, OfALongLogTheNewIsCheckedAtOnceAndAllEveryHour) {
  Add(3);
  // As if there were many more: what decides is the number.
  last_ += AuditCheck::kAtOnce;
  AuditCheck check(*log_);
  EXPECT_EQ(Whole(check, kNow), true);
  Add(2);
  EXPECT_EQ(check.Look(last_, kNow).whole, true);
  EXPECT_EQ(check.Look(last_, kNow).checked, kNow);
  Add(1);
  Forge("UPDATE audit SET who='nobody' WHERE number=6");
  EXPECT_EQ(check.Look(last_, kNow).whole, false) << "a new line";
}

TEST_F(AuditCheckTest, AnEndThatWasCutOffIsFoundAtOnce) {
  Add(3);
  last_ += AuditCheck::kAtOnce;
  AuditCheck check(*log_);
  EXPECT_EQ(Whole(check, kNow), true);
  Add(2);
  Forge("DELETE FROM audit WHERE number>3");
  EXPECT_EQ(check.Look(last_, kNow).whole, false);
}

TEST_F(AuditCheckTest, AnOldLineOfALongLogIsFoundWithinTheHour) {
  Add(6);
  last_ += AuditCheck::kAtOnce;
  AuditCheck check(*log_);
  EXPECT_EQ(Whole(check, kNow), true);
  Forge("UPDATE audit SET who='nobody' WHERE number=2");
  while (check.Look(last_, kNow + absl::Hours(1)).whole == true) {
    std::this_thread::yield();
  }
  EXPECT_EQ(check.Look(last_, kNow + absl::Hours(1)).whole, false);
}

}  // namespace
}  // namespace schoolgate::collector
