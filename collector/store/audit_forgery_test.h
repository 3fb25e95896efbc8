// What somebody who may write the database, but has no key, can do to an audit
// log, and that it is found. A test program includes this once and says at its
// end which stores it means.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "collector/store/audit_chain.h"
#include "collector/store/begun_log_test.h"
#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

using testing::HasSubstr;

struct AuditKind {
  std::string name;
  std::function<std::unique_ptr<AuditLog>(const std::string& place,
                                          AuditKeys keys)>
      open;
  std::function<absl::Status(const std::string& place, const std::string& sql)>
      run;
  std::string no_triggers;  // SQL that takes them away
  std::string make_old;  // SQL that makes it what a version without heads had
};

inline AuditKeys OtherKeys() {
  return KeysToSign(seal::SigningKey::FromSeed(std::string(32, 'b')).value());
}

class AuditForgeryTest : public testing::TestWithParam<AuditKind> {
 protected:
  void SetUp() override {
    log_ = Begun(Open(TestAuditKeys()));
    for (int i = 0; i < 5; ++i) Add();
    ASSERT_TRUE(log_->Verify().ok()) << log_->Verify();
  }

  std::unique_ptr<AuditLog> Open(AuditKeys keys) {
    return GetParam().open(scratch_.path(), std::move(keys));
  }

  absl::Status Append() {
    AuditEntry entry;
    entry.time = absl::FromUnixSeconds(1'795'338'000);
    entry.who = "a.patel";
    entry.action = "view_alert";
    entry.about = "17";
    return log_->Append(entry);
  }
  void Add() { ASSERT_TRUE(Append().ok()); }

  // As the database's owner, whom no trigger hinders.
  void Forge(const std::string& sql) {
    const absl::Status done =
        GetParam().run(scratch_.path(), GetParam().no_triggers + sql);
    ASSERT_TRUE(done.ok()) << done;
  }

  // Chains all entries anew, as it needs no key.
  void ChainAnew() {
    std::string hash, sql;
    const auto entries = log_->Read(0, 100).value();
    for (const AuditEntry& entry : entries) {
      hash = HashOfEntry(hash, entry);
      absl::StrAppend(&sql, "UPDATE audit SET hash='", hash,
                      "' WHERE number=", entry.number, ";");
    }
    Forge(sql);
  }

  void ExpectFound(absl::StatusCode code, const std::string& words) {
    const absl::Status status = log_->Verify();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  }
  void ExpectLoss(const std::string& words) {
    ExpectFound(absl::StatusCode::kDataLoss, words);
  }

  size_t Entries() { return log_->Read(0, 1000)->size(); }

  Scratch scratch_;
  std::unique_ptr<AuditLog> log_;
};

// The chain alone does not miss them. What comes later must not hide it.
TEST_P(AuditForgeryTest, EntriesCutOffAtTheEndAreMissedForGood) {
  Forge("DELETE FROM audit WHERE number>=3");
  ExpectLoss("audit entries 3 to 5: are missing");
  Add();
  ExpectLoss("audit entries 3 to 5: are missing");
  EXPECT_EQ(log_->Read(2, 1)->front().number, 6u);
}

TEST_P(AuditForgeryTest, ALogWithoutEntriesIsMissed) {
  Forge("DELETE FROM audit");
  ExpectLoss("audit entries 1 to 5: are missing");
}

// It must not pass for a new one, nor for one of an earlier version.
TEST_P(AuditForgeryTest, ALogWithoutItsHeadIsNoNewOne) {
  for (const char* more : {"", "DELETE FROM audit"}) {
    Forge(absl::StrCat("DELETE FROM audit_head;", more));
    ExpectLoss("its signed head is missing");
    const size_t before = Entries();
    EXPECT_TRUE(absl::IsDataLoss(Append()));
    EXPECT_EQ(Entries(), before);
  }
}

TEST_P(AuditForgeryTest, AChainComputedAnewIsNotTheSignedOne) {
  Forge("UPDATE audit SET who='nobody' WHERE number=2");
  ExpectLoss("audit entry 2: does not follow");
  ChainAnew();
  ExpectLoss("audit entry 5: is not the signed one");
}

TEST_P(AuditForgeryTest, AnEntryTakenOutOfAChainComputedAnewIsMissed) {
  Forge(
      "DELETE FROM audit WHERE number=2;"
      "UPDATE audit SET number=-number WHERE number>2;"
      "UPDATE audit SET number=-number-1 WHERE number<0");
  ChainAnew();
  ExpectLoss("audit entry 5: is missing");
  EXPECT_EQ(Entries(), 4u);
}

TEST_P(AuditForgeryTest, AHeadOfAnotherKeyIsNamed) {
  Forge("DELETE FROM audit_head; DELETE FROM audit WHERE number=5");
  ASSERT_TRUE(Open(OtherKeys())->Begin(absl::FromUnixSeconds(1)).ok());
  ASSERT_TRUE(Open(OtherKeys())->Verify().ok());
  ExpectFound(absl::StatusCode::kPermissionDenied,
              seal::ToHex(OtherKeys().public_key));
  EXPECT_TRUE(absl::IsPermissionDenied(Append()));
  EXPECT_TRUE(absl::IsPermissionDenied(log_->Begin(absl::FromUnixSeconds(1))))
      << "two collectors with two keys on one database";
}

// The next signature must not make it true.
TEST_P(AuditForgeryTest, AHeadThatWasWrittenByHandIsNotGoneOnFrom) {
  const std::string hash = log_->Read(2, 1)->front().hash;
  Forge(absl::StrCat("DELETE FROM audit WHERE number>3;",
                     "UPDATE audit_head SET number=3, hash='", hash, "'"));
  ExpectLoss("its head is not what was signed");
  EXPECT_TRUE(absl::IsDataLoss(Append()));
  EXPECT_EQ(Entries(), 3u);
}

TEST_P(AuditForgeryTest, EntriesBehindAnOlderHeadAreFound) {
  Forge("CREATE TABLE kept AS SELECT * FROM audit_head");
  Add();
  Forge(
      "DELETE FROM audit_head;"
      "INSERT INTO audit_head SELECT * FROM kept");
  ExpectLoss("audit entry 6: lies behind the signed head");
  Add();
  ExpectLoss("audit entry 7: does not follow");
}

// What they say as well: only a head kept elsewhere tells.
TEST_P(AuditForgeryTest, AnOlderLogWithItsOlderHeadIsNotFound) {
  Forge("CREATE TABLE kept AS SELECT * FROM audit_head");
  Add();
  Forge(
      "DELETE FROM audit WHERE number=6; DELETE FROM audit_head;"
      "INSERT INTO audit_head SELECT * FROM kept");
  EXPECT_TRUE(log_->Verify().ok());
}

// Also not by a version that knows of no heads.
TEST_P(AuditForgeryTest, NoUnsignedEntryIsTaken) {
  EXPECT_FALSE(GetParam()
                   .run(scratch_.path(),
                        "INSERT INTO audit VALUES(6,1,'a','b','c','d','e')")
                   .ok());
  EXPECT_TRUE(log_->Verify().ok());
}

TEST_P(AuditForgeryTest, HeadAndEntryAreStoredTogetherOrNotAtAll) {
  // The entry fails, after the head.
  Forge("CREATE UNIQUE INDEX one_only ON audit(about) WHERE number>4");
  EXPECT_FALSE(Append().ok());
  EXPECT_EQ(log_->Head()->number, 5u);
  EXPECT_TRUE(log_->Verify().ok()) << log_->Verify();
  Forge("DROP INDEX one_only");
  Add();
  EXPECT_EQ(log_->Head()->number, 6u);
}

TEST_P(AuditForgeryTest, ALogOfAnEarlierVersionIsSignedOnceAndSaysSo) {
  Forge(GetParam().make_old);
  log_ = Open({});
  ExpectFound(absl::StatusCode::kFailedPrecondition,
              "start this version of the collector once");
  log_ = Open(TestAuditKeys());
  const absl::Time now = absl::FromUnixSeconds(1'795'338'060);
  EXPECT_FALSE(Append().ok()) << "not signed yet";
  ASSERT_TRUE(log_->Begin(now).ok()) << log_->Begin(now);
  ASSERT_TRUE(log_->Begin(now).ok());
  ASSERT_TRUE(log_->Verify().ok()) << log_->Verify();
  EXPECT_EQ(Entries(), 6u);
  EXPECT_EQ(log_->Read(5, 1)->front().action, "sign_audit_log");
  Add();
  EXPECT_TRUE(log_->Verify().ok());
  Forge("DELETE FROM audit WHERE number=7");
  ExpectLoss("audit entry 7: is missing");
}

TEST_P(AuditForgeryTest, ALogWhoseHeadWasLostIsSignedAnewOnRecord) {
  AuditEntry why;
  why.action = "sign_audit_log";
  why.detail = "put back";
  EXPECT_TRUE(absl::IsFailedPrecondition(log_->SignAnew(why))) << "is sound";
  Forge("DELETE FROM audit_head");
  ASSERT_TRUE(log_->SignAnew(why).ok());
  EXPECT_TRUE(log_->Verify().ok());
  EXPECT_THAT(log_->Read(5, 1)->front().detail,
              testing::AllOf(HasSubstr("put back"), HasSubstr("is missing")));
  // With another key, as when that was lost.
  ASSERT_TRUE(Open(OtherKeys())->SignAnew(why).ok());
  EXPECT_TRUE(Open(OtherKeys())->Verify().ok());
  EXPECT_THAT(log_->Read(6, 1)->front().detail,
              HasSubstr(seal::ToHex(TestAuditKeys().public_key)));
}

TEST_P(AuditForgeryTest, WhoHasNoKeyCanVerifyAndNotWrite) {
  log_ = Open({TestAuditKeys().public_key, std::nullopt});
  EXPECT_TRUE(log_->Verify().ok()) << log_->Verify();
  EXPECT_TRUE(absl::IsFailedPrecondition(Append()));
  EXPECT_TRUE(absl::IsFailedPrecondition(log_->Begin(absl::UnixEpoch())));
  EXPECT_EQ(Entries(), 5u);
}

// Verify while others write: a collector that runs is not called a forger.
TEST_P(AuditForgeryTest, ALogThatGrowsMeanwhileIsSound) {
  std::atomic<bool> over = false;
  std::thread writer([&] {
    const auto other = Open(TestAuditKeys());
    for (int i = 0; i < 50; ++i) {
      AuditEntry entry;
      entry.who = "b.jones";
      EXPECT_TRUE(other->Append(entry).ok());
    }
    over = true;
  });
  while (!over) {
    const absl::Status status = log_->Verify();
    EXPECT_TRUE(status.ok()) << status;
  }
  writer.join();
  EXPECT_EQ(Entries(), 55u);
}

}  // namespace
}  // namespace schoolgate::collector
