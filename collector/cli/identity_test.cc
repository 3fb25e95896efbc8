// The verb that says whose school account an account is, as a program.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "collector/cli/data_directory.h"
#include "collector/cli/open_stores.h"
#include "collector/cli/program_test.h"
#include "collector/store/account_store.h"
#include "collector/store/audit_log.h"
#include "collector/store/identity_store.h"
#include "collector/store/scratch_test.h"

namespace schoolgate::collector {
namespace {

class IdentityVerb : public testing::Test {
 protected:
  IdentityVerb() {
    CollectorConfig config;
    config.names = {"localhost"};
    config.schools = {{"oak", "Oak"}};
    EXPECT_TRUE(SaveConfig(directory_, config).ok());
    std::filesystem::create_directory(scratch_.File("keys"));
    EXPECT_TRUE(OpenAuditToBegin(directory_, absl::Now()).ok());
    for (const char* name : {"lead", "head"}) {
      Account account;
      account.name = name;
      EXPECT_TRUE(
          (*OpenSqliteAccountStore(directory_.Main()))->Put(account).ok());
    }
  }

  Done Run(const std::string& words) {
    return RunVerb("identity", scratch_.path(), words);
  }

  Scratch scratch_;
  const DataDirectory directory_{scratch_.path()};
};

TEST_F(IdentityVerb, SaysWhoseAnAccountIsOnRecord) {
  const Done set = Run("--account lead --email A.Patel@oak.test");
  EXPECT_EQ(set.code, 0) << set.text;
  EXPECT_TRUE(absl::StrContains(set.text, "a.patel@oak.test"));
  const Done taken = Run("--account head --email a.patel@oak.test");
  EXPECT_EQ(taken.code, 1);
  EXPECT_TRUE(absl::StrContains(taken.text, "lead")) << taken.text;
  const Done list = Run("--json");
  EXPECT_TRUE(absl::StrContains(list.text, "\"account\":\"lead\""))
      << list.text;
  const Done gone = Run("--account lead --remove");
  EXPECT_EQ(gone.code, 0) << gone.text;
  EXPECT_EQ(Run("").text, "");
  std::vector<std::string> steps;
  const auto audit = OpenAudit(directory_).value();
  const std::vector<AuditEntry> entries = audit->Read(0, 100).value();
  for (const AuditEntry& entry : entries) {
    steps.push_back(entry.action + " " + entry.about);
  }
  EXPECT_EQ(steps.front(), "set_directory lead");
  EXPECT_EQ(steps.back(), "unbind_directory lead");
}

TEST_F(IdentityVerb, WhatDoesNotFitIsTold) {
  EXPECT_EQ(Run("--account nobody --email a@oak.test").code, 1);
  EXPECT_EQ(Run("--account lead").code, 2);
  EXPECT_EQ(Run("--email a@oak.test").code, 2);
  EXPECT_EQ(Run("--account lead --email a@oak.test --remove").code, 2);
  const Done none = Run("--check");
  EXPECT_EQ(none.code, 1);
  EXPECT_TRUE(absl::StrContains(none.text, "oidc")) << none.text;
  const Done subject = Run("--account lead --subject 42");
  EXPECT_EQ(subject.code, 1);
  EXPECT_TRUE(absl::StrContains(subject.text, "oidc")) << subject.text;
}

TEST_F(IdentityVerb, AProviderThatIsAwayIsTold) {
  std::ofstream(directory_.Config(), std::ios::app)
      << "oidc:\n  issuer: http://127.0.0.1:1\n  client_id: schoolgate\n"
         "  dashboard: https://sg.oak.test\n";
  const Done away = Run("--check");
  EXPECT_EQ(away.code, 1);
  EXPECT_TRUE(absl::StrContains(away.text, "127.0.0.1:1")) << away.text;
  EXPECT_EQ(Run("--account lead --subject 42").code, 0);
}

}  // namespace
}  // namespace schoolgate::collector
