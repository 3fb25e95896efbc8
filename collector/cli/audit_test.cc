// `audit verify` over the data directory of a collector, and who may write its
// audit log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "collector/cli/collector.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program_test.h"
#include "collector/cli/setup.h"
#include "collector/fleet/secret_file.h"
#include "collector/store/scratch_test.h"
#include "collector/store/sqlite.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

using testing::HasSubstr;

constexpr char kNoTriggers[] =
    "DROP TRIGGER audit_signed; DROP TRIGGER audit_no_update;"
    "DROP TRIGGER audit_no_delete;";

class AuditVerb : public testing::Test {
 protected:
  void SetUp() override {
    SetupRequest request;
    request.directory = directory_;
    request.school = "Oak";
    request.listen = "127.0.0.1:0";
    request.web = "127.0.0.1:0";
    ASSERT_TRUE(collector::SetUp(request, clock_.Now()).ok());
  }

  Done Audit(const std::string& verb, const std::string& words = "") {
    return RunVerb("audit " + verb, directory_.path, words);
  }

  // A verb that writes the log.
  Done EnrolToken() {
    return RunVerb("enrol-token", directory_.path,
                   "-o " + scratch_.File("enrolment"));
  }

  void Forge(const std::string& sql) {
    auto main = Database::Open(directory_.Main()).value();
    const absl::Status done = main->Execute(kNoTriggers + sql);
    ASSERT_TRUE(done.ok()) << done;
  }

  void ExpectRefused(const Done& done, const std::string& words) {
    EXPECT_EQ(done.code, 1) << done.text;
    EXPECT_THAT(done.text, HasSubstr(words));
    EXPECT_THAT(done.text, testing::Not(HasSubstr("none changed")));
  }

  void StartAndStop() {
    CollectorOptions options;
    options.directory = directory_;
    options.dashboard = false;
    auto started = Collector::Start(options, clock_);
    ASSERT_TRUE(started.ok()) << started.status();
    (*started)->Stop();
  }

  size_t Entries() {
    return OpenAudit(directory_, {}).value()->Read(0, 1000)->size();
  }

  std::string CustodyKey() {
    return ReadSmallFile(directory_.CustodyKey()).value();
  }

  const platform::Clock& clock_ = platform::SystemClock();
  Scratch scratch_;
  const DataDirectory directory_{scratch_.File("data")};
};

// Each of them was "none changed or missing" before heads were signed.
TEST_F(AuditVerb, WhatWasCutOffIsMissed) {
  const Done good = Audit("verify");
  EXPECT_EQ(good.code, 0) << good.text;
  EXPECT_THAT(good.text, HasSubstr("6 entries, none changed or missing"));
  Forge("DELETE FROM audit WHERE number>=4");
  ExpectRefused(Audit("verify"), "audit entries 4 to 6: are missing");
  ExpectRefused(Audit("head"), "audit entries 4 to 6: are missing");
}

TEST_F(AuditVerb, AnEmptiedLogIsMissed) {
  Forge("DELETE FROM audit");
  ExpectRefused(Audit("verify"), "audit entries 1 to 6: are missing");
}

TEST_F(AuditVerb, AnEmptiedLogWithoutItsHeadIsMissed) {
  Forge("DELETE FROM audit; DELETE FROM audit_head");
  ExpectRefused(Audit("verify"), "its signed head is missing");
  // No start and no set-up of another school makes it good.
  StartAndStop();
  ExpectRefused(Audit("verify"), "its signed head is missing");
  EXPECT_EQ(Entries(), 0u);
}

// A copy is verified where the keys are not.
TEST_F(AuditVerb, NeedsThePublicKeyAlone) {
  const std::string key = ReadSmallFile(directory_.AuditPublicKey()).value();
  std::filesystem::remove(directory_.CustodyKey());
  EXPECT_EQ(Audit("verify").code, 0);
  std::filesystem::remove(directory_.AuditPublicKey());
  EXPECT_EQ(Audit("verify", "--key " + key.substr(0, 64)).code, 0);
  ExpectRefused(Audit("verify", "--key " + std::string(64, 'a')),
                "not with this collector's");
}

TEST_F(AuditVerb, WithoutTheKeyNothingIsWritten) {
  const std::string key = CustodyKey();
  std::filesystem::remove(directory_.CustodyKey());
  ExpectRefused(EnrolToken(), "keys/custody.key: missing");
  ASSERT_TRUE(
      WriteSecretFile(directory_.CustodyKey(), std::string(64, 'a') + "\n")
          .ok());
  ExpectRefused(EnrolToken(), "not the key that the audit log is signed with");
  CollectorOptions options;
  options.directory = directory_;
  EXPECT_FALSE(Collector::Start(options, clock_).ok());
  EXPECT_EQ(Entries(), 6u);
  ASSERT_TRUE(WriteSecretFile(directory_.CustodyKey(), key).ok());
  EXPECT_EQ(Audit("verify").code, 0);
}

TEST_F(AuditVerb, ALogOfAnEarlierVersionIsSignedAtTheNextStart) {
  Forge("DROP TABLE audit_head");
  std::filesystem::remove(directory_.AuditPublicKey());
  ExpectRefused(Audit("verify"), "start this version of the collector once");
  ExpectRefused(EnrolToken(), "start this version of the collector once");
  EXPECT_EQ(Entries(), 6u);
  StartAndStop();
  EXPECT_EQ(Audit("verify").code, 0) << Audit("verify").text;
  EXPECT_THAT(Audit("show").text,
              testing::AllOf(HasSubstr("sign_audit_log"),
                             HasSubstr("an earlier version wrote it")));
  StartAndStop();
  EXPECT_EQ(Entries(), 7u) << "once";
}

// It ended between the two that it leaves.
TEST_F(AuditVerb, AStartThatSignedButDidNotRememberGoesOn) {
  std::filesystem::remove(directory_.AuditPublicKey());
  StartAndStop();
  EXPECT_EQ(Audit("verify").code, 0);
  EXPECT_EQ(Entries(), 6u);
}

TEST_F(AuditVerb, ALostKeyIsReplacedOnRecord) {
  ExpectRefused(Audit("sign", "--reason lost"), "there is nothing to mend");
  const std::string old = ReadSmallFile(directory_.AuditPublicKey()).value();
  std::filesystem::remove(directory_.CustodyKey());
  const Done done = Audit("sign", "--reason 'the disk died'");
  EXPECT_EQ(done.code, 0) << done.text;
  EXPECT_EQ(Audit("verify").code, 0);
  EXPECT_THAT(Audit("show").text, testing::AllOf(HasSubstr("the disk died"),
                                                 HasSubstr(old.substr(0, 64))));
  EXPECT_EQ(EnrolToken().code, 0);
  EXPECT_EQ(Audit("verify").code, 0);
}

}  // namespace
}  // namespace schoolgate::collector
