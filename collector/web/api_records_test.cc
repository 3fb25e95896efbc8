// Two people read what is kept about a third; one alone learns nothing.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/web/test_school.h"
#include "proto/seal/pseudonym.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr char kKey[] = "the school's key";
constexpr char kReason[] = "Letter 2026-014 of a parent, 3 November";

class RecordsTest : public testing::Test {
 protected:
  RecordsTest()
      : api_(Stores(), NoticeFacts{.keep_event_days = 30}, SessionLimits{},
             school_.clock()) {
    Keep("r.mills", "pupils", "bets.example.test", 1);
    Keep("r.mills", "pupils", "=cmd()", 2);
    Keep("o.other", "pupils", "other.test", 3);
    Keep("t.eacher", "staff", "shop.test", 4);
    alert_ = school_.AddAlert(Alias("r.mills"), v1::SEVERITY_SERIOUS);
  }

  collector::Stores Stores() {
    collector::Stores stores = school_.stores();
    stores.pseudonym_of = [](const std::string& school,
                             const std::string& log_in) {
      return school == "oakfield"
                 ? absl::StatusOr<std::string>(seal::Pseudonym(kKey, log_in))
                 : absl::NotFoundError("no key");
    };
    return stores;
  }

  static std::string Alias(const std::string& log_in) {
    return seal::Pseudonym(kKey, log_in);
  }

  void Keep(const std::string& log_in, const std::string& group,
            const std::string& host, uint64_t sequence) {
    StoredEvent event;
    event.school = "oakfield";
    event.device = "D-1";
    event.epoch = 1;
    event.received = event.happened = school_.clock().Now();
    event.event.set_sequence(sequence);
    event.event.mutable_person()->set_pseudonym(Alias(log_in));
    event.event.mutable_person()->set_group(group);
    event.event.mutable_contact()->set_host(host);
    event.event.mutable_contact()->set_action(v1::ACTION_BLOCK);
    ASSERT_TRUE(school_.stores().events->Append({event}).ok());
  }

  TestBrowser As(const std::string& name) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(name).status, 200) << name;
    return browser;
  }

  // The number of a request that is asked.
  uint64_t Ask(TestBrowser& browser, const std::string& log_in) {
    const Response asked = browser.Post(
        "/api/v1/records", {{"login", log_in}, {"reason", kReason}});
    EXPECT_EQ(asked.status, 200) << asked.body;
    return TestBrowser::Json(asked).value("id", 0);
  }

  static std::string Path(uint64_t id, const char* more = "") {
    return absl::StrCat("/api/v1/records/", id, more);
  }

  TestSchool school_;
  Api api_;
  uint64_t alert_ = 0;
};

TEST_F(RecordsTest, NobodyReadsItAlone) {
  TestBrowser lead = As("lead"), head = As("head");
  const uint64_t id = Ask(lead, "R.Mills");
  EXPECT_EQ(lead.Get(Path(id)).status, 409);
  EXPECT_EQ(lead.Post(Path(id, "/agree")).status, 409) << "their own consent";
  EXPECT_EQ(lead.Get(Path(id)).status, 409);
  EXPECT_EQ(head.Get(Path(id)).status, 404) << "the second one agrees, no more";
  ASSERT_EQ(head.Post(Path(id, "/agree")).status, 200);
  EXPECT_EQ(head.Get(Path(id)).status, 404);
  const Response read = lead.Get(Path(id));
  ASSERT_EQ(read.status, 200) << read.body;
  const json record = TestBrowser::Json(read);
  EXPECT_EQ(record["lines"].size(), 2u);
  EXPECT_EQ(record["keep_days"], 30);
  ASSERT_EQ(record["cases"].size(), 1u);
  EXPECT_EQ(record["cases"][0]["alert"], alert_);
  EXPECT_FALSE(absl::StrContains(read.body, "other.test"));
  EXPECT_FALSE(absl::StrContains(read.body, Alias("r.mills")));
  school_.clock().Advance(absl::Hours(1));
  TestBrowser later = As("lead");
  EXPECT_EQ(later.Get(Path(id)).status, 409) << "an hour, not longer";
}

TEST_F(RecordsTest, EachStepIsOnRecordUnderTheAliasWithoutTheName) {
  TestBrowser lead = As("lead"), head = As("head");
  const uint64_t id = Ask(lead, "r.mills");
  head.Post(Path(id, "/agree"));
  lead.Get(Path(id));
  lead.Get(Path(id, "?format=csv"));
  lead.Post(Path(id, "/end"));
  std::vector<std::string> steps;
  for (const AuditEntry& entry : school_.Audit()) {
    EXPECT_FALSE(absl::StrContains(entry.detail + entry.about, "mills"));
    if (entry.about == Alias("r.mills")) {
      steps.push_back(entry.who + " " + entry.action);
    }
  }
  EXPECT_EQ(steps,
            (std::vector<std::string>{"lead ask_record", "head agree_record",
                                      "lead read_record", "lead export_record",
                                      "lead withdraw_record"}));
}

// Who typed the name would learn the alias alone.
TEST_F(RecordsTest, TheRecordOfLooksDoesNotTellTheAlias) {
  TestBrowser head = As("head"), dpo = As("dpo");
  const uint64_t id = Ask(head, "r.mills");
  for (TestBrowser* browser : {&head, &dpo}) {
    const Response audit = browser->Get("/api/v1/audit");
    ASSERT_EQ(audit.status, 200);
    EXPECT_TRUE(absl::StrContains(audit.body, "ask_record"));
    EXPECT_TRUE(absl::StrContains(audit.body, kReason));
    EXPECT_FALSE(absl::StrContains(audit.body, Alias("r.mills")));
  }
  ASSERT_EQ(dpo.Post(Path(id, "/agree")).status, 200);
  head.Get(Path(id));
  EXPECT_FALSE(
      absl::StrContains(head.Get("/api/v1/audit").body, Alias("r.mills")));
}

TEST_F(RecordsTest, TheFileHoldsAllAndNoSpreadsheetRunsIt) {
  TestBrowser lead = As("lead"), dpo = As("dpo");
  const uint64_t id = Ask(dpo, "r.mills");
  ASSERT_EQ(lead.Post(Path(id, "/agree")).status, 200);
  const Response file = dpo.Get(Path(id, "?format=csv"));
  EXPECT_EQ(file.type, "text/csv; charset=utf-8");
  EXPECT_TRUE(absl::StrContains(file.body, "\"bets.example.test\""));
  EXPECT_TRUE(absl::StrContains(file.body, "\"'=cmd()\""));
  EXPECT_FALSE(absl::StrContains(file.body, Alias("r.mills")));
  EXPECT_FALSE(absl::StrContains(file.body, "Repeated tries"));
  // A data protection officer sees no cases.
  EXPECT_TRUE(TestBrowser::Json(dpo.Get(Path(id)))["cases"].empty());
}

TEST_F(RecordsTest, StaffTakeTheHeadOrTheSecondSenior) {
  TestBrowser lead = As("lead"), deputy = As("deputy"), second = As("second");
  const uint64_t id = Ask(lead, "t.eacher");
  EXPECT_EQ(deputy.Post(Path(id, "/agree")).status, 409);
  EXPECT_EQ(second.Post(Path(id, "/agree")).status, 200);
  EXPECT_EQ(lead.Get(Path(id)).status, 200);
}

TEST_F(RecordsTest, WhoHasAnAccountReadsItThemselves) {
  school_.AddAccount("teacher", Role::kGovernor, "oakfield", Alias("t.eacher"));
  TestBrowser lead = As("lead");
  const Response refused = lead.Post(
      "/api/v1/records", {{"login", "t.eacher"}, {"reason", kReason}});
  EXPECT_EQ(refused.status, 409);
  EXPECT_TRUE(absl::StrContains(refused.body, "My record"));
}

TEST_F(RecordsTest, AnotherSchoolFindsNothing) {
  school_.AddAccount("far", Role::kSafetyLead, "elmwood");
  TestBrowser lead = As("lead"), far = As("far");
  const uint64_t id = Ask(lead, "r.mills");
  EXPECT_EQ(far.Post(Path(id, "/agree")).status, 404);
  EXPECT_EQ(far.Post(Path(id, "/end")).status, 404);
  EXPECT_TRUE(
      TestBrowser::Json(far.Get("/api/v1/records"))["requests"].empty());
  EXPECT_EQ(
      far.Post("/api/v1/records", {{"login", "r.mills"}, {"reason", kReason}})
          .status,
      503);
}

TEST_F(RecordsTest, AnUnknownNameIsAskedForLikeAnyOther) {
  TestBrowser lead = As("lead"), head = As("head");
  const json known = TestBrowser::Json(lead.Post(
      "/api/v1/records", {{"login", "r.mills"}, {"reason", kReason}}));
  json unknown = TestBrowser::Json(
      lead.Post("/api/v1/records", {{"login", "nobody"}, {"reason", kReason}}));
  const uint64_t id = unknown["id"];
  unknown["id"] = known["id"];
  EXPECT_EQ(known, unknown);
  ASSERT_EQ(head.Post(Path(id, "/agree")).status, 200);
  EXPECT_TRUE(TestBrowser::Json(lead.Get(Path(id)))["lines"].empty());
}

TEST_F(RecordsTest, WhatNobodyAnswersEndsAndIsOnRecord) {
  TestBrowser lead = As("lead");
  const uint64_t id = Ask(lead, "r.mills");
  EXPECT_EQ(
      lead.Post("/api/v1/records", {{"login", "r.mills"}, {"reason", kReason}})
          .status,
      409);
  school_.clock().Advance(kAgreeWithin);
  TestBrowser later = As("lead"), head = As("head");
  EXPECT_EQ(head.Post(Path(id, "/agree")).status, 409);
  EXPECT_EQ(later.Post("/api/v1/records", {{"login", "r.mills"}}).status, 400);
  bool told = false;
  for (const AuditEntry& entry : school_.Audit()) {
    told = told || (entry.who == "lead" && entry.action == "expire_record");
  }
  EXPECT_TRUE(told);
}

TEST_F(RecordsTest, ARefusalIsTheEnd) {
  TestBrowser lead = As("lead"), head = As("head"), deputy = As("deputy");
  const uint64_t id = Ask(lead, "r.mills");
  EXPECT_EQ(head.Post(Path(id, "/end")).status, 200);
  EXPECT_EQ(deputy.Post(Path(id, "/agree")).status, 409);
  EXPECT_EQ(lead.Get(Path(id)).status, 409);
}

}  // namespace
}  // namespace schoolgate::collector
