// What the school writes down for itself and for the people concerned: whom to
// tell, the letter home, how quickly, for how long, who has less for a time.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "collector/web/test_school.h"
#include "rules/policy/compile.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

class PeopleTest : public testing::Test {
 protected:
  PeopleTest() {
    auto policy = rules::CompilePolicyFile("rules/policies/city-primary.yaml");
    EXPECT_TRUE(policy.ok()) << policy.status();
    policy_ = *std::move(policy);
    Publish();
    Stores stores = school_.stores();
    stores.policies = &policies_;
    NoticeFacts facts;
    facts.school_name = "Oakfield Primary";
    facts.keep_event_days = 90;
    facts.keep_case_days = 365;
    api_ =
        std::make_unique<Api>(stores, facts, SessionLimits{}, school_.clock());
  }

  void Publish() {
    policies_.Set("oakfield", std::make_shared<v1::CompiledPolicy>(policy_));
  }

  TestBrowser LoggedIn(const std::string& name) {
    TestBrowser browser(*api_);
    EXPECT_EQ(browser.LogIn(name).status, 200) << name;
    return browser;
  }

  bool OnRecord(const std::string& who, const std::string& action) {
    for (const AuditEntry& entry : school_.Audit()) {
      if (entry.who == who && entry.action == action) return true;
    }
    return false;
  }

  TestSchool school_;
  v1::CompiledPolicy policy_;
  SchoolPolicies policies_;
  std::unique_ptr<Api> api_;
};

TEST_F(PeopleTest, TheContactBookStandsBesideTheAlertAndInTheReport) {
  TestBrowser lead = LoggedIn("lead"), head = LoggedIn("head");
  const Response refused =
      lead.Post("/api/v1/contacts", {{"id", "police"}, {"phone", "ask"}});
  EXPECT_EQ(refused.status, 400);
  const Response put = lead.Post(
      "/api/v1/contacts",
      {{"id", "police"}, {"name", "Safer schools officer"}, {"phone", "101"}});
  ASSERT_EQ(put.status, 200) << put.body;
  EXPECT_EQ(TestBrowser::Json(put)["contacts"][0]["changed_by"], "The lead");
  EXPECT_TRUE(OnRecord("lead", "change_contact"));
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_ILLEGAL);
  const json alert =
      TestBrowser::Json(head.Get(absl::StrCat("/api/v1/alerts/", id)));
  ASSERT_EQ(alert["contacts"].size(), 2u) << alert["contacts"];
  EXPECT_EQ(alert["contacts"][0]["phone"], "101");
  EXPECT_EQ(alert["contacts"][1]["missing"], true);
  EXPECT_NE(head.Get("/api/v1/report?kind=leaders&period=2026-11")
                .body.find("Whom we tell outside"),
            std::string::npos);
  // Another school has its own.
  school_.AddAccount("elm-lead", Role::kSafetyLead, "elmfield");
  TestBrowser other = LoggedIn("elm-lead");
  EXPECT_EQ(other.Get("/api/v1/contacts").body.find("Safer schools"),
            std::string::npos);
}

TEST_F(PeopleTest, ALetterIsDraftedForWhoSeesTheCaseAndIsOnRecord) {
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_RULE_BREAK);
  const std::string path = absl::StrCat("/api/v1/alerts/", id, "/letter");
  TestBrowser lead = LoggedIn("lead");
  const Response answer = lead.Get(path);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(TestBrowser::Json(answer)["writer"], "The lead");
  EXPECT_EQ(answer.body.find("bets.example.test"), std::string::npos);
  EXPECT_EQ(answer.body.find("P-000001"), std::string::npos);
  EXPECT_TRUE(OnRecord("lead", "draft_letter"));
  school_.AddAccount("elm-lead", Role::kSafetyLead, "elmfield");
  EXPECT_EQ(LoggedIn("elm-lead").Get(path).status, 404);
  const uint64_t locked = school_.AddAlert("P-000001", v1::SEVERITY_ILLEGAL);
  EXPECT_EQ(lead.Get(absl::StrCat("/api/v1/alerts/", locked, "/letter")).status,
            409);
}

TEST_F(PeopleTest, AGovernorReadsHowQuicklyAndNoSingleTime) {
  TestBrowser lead = LoggedIn("lead");
  for (int i = 0; i < 5; ++i) {
    const uint64_t id =
        school_.AddAlert(absl::StrCat("P-00000", i), v1::SEVERITY_RULE_BREAK);
    school_.clock().Advance(absl::Minutes(4));
    EXPECT_EQ(lead.Post(absl::StrCat("/api/v1/alerts/", id, "/state"),
                        {{"state", "seen"}})
                  .status,
              200);
  }
  TestBrowser governor = LoggedIn("governor");
  const json months =
      TestBrowser::Json(governor.Get("/api/v1/response-times"))["months"];
  ASSERT_EQ(months.size(), 1u);
  EXPECT_EQ(months[0]["looked_at"], "within 15 minutes");
  EXPECT_EQ(months[0]["closed"], "not yet");
  const Response report =
      lead.Get("/api/v1/report?kind=leaders&period=2026-11");
  EXPECT_NE(
      report.body.find(R"(["Rule break","5","4 minutes","4 minutes","0"])"),
      std::string::npos)
      << report.body;
}

TEST_F(PeopleTest, RetentionIsApprovedByTwoOneOfThemWhoAnswersForIt) {
  TestBrowser lead = LoggedIn("lead"), deputy = LoggedIn("deputy"),
              head = LoggedIn("head");
  const json shown = TestBrowser::Json(lead.Get("/api/v1/retention"));
  EXPECT_TRUE(shown["approved"].is_null());
  const json yes = {{"approve", true}, {"times", shown["times"]}};
  EXPECT_EQ(lead.Post("/api/v1/retention", {{"approve", true}}).status, 409)
      << "nobody approves what they have not seen";
  EXPECT_EQ(lead.Post("/api/v1/retention", yes).status, 200);
  EXPECT_EQ(lead.Post("/api/v1/retention", yes).status, 409);
  EXPECT_EQ(deputy.Post("/api/v1/retention", yes).status, 409);
  const json agreed = TestBrowser::Json(head.Post("/api/v1/retention", yes));
  EXPECT_EQ(agreed["approved"]["by"], (json{"The lead", "The head"}));
  EXPECT_EQ(agreed["approved"]["still"], true);
  EXPECT_TRUE(OnRecord("lead", "propose_retention"));
  EXPECT_TRUE(OnRecord("head", "agree_retention"));
  // Another time in the policy is not what they approved.
  for (auto& rule : *policy_.mutable_retention()) {
    if (rule.what() == "hit") rule.set_days(rule.days() + 1);
  }
  Publish();
  EXPECT_EQ(
      TestBrowser::Json(lead.Get("/api/v1/retention"))["approved"]["still"],
      false);
  EXPECT_EQ(head.Post("/api/v1/retention", yes).status, 409);
}

TEST_F(PeopleTest, WhoHasLessForATimeIsShownWithoutAName) {
  v1::Restriction* one = policy_.add_restrictions();
  one->set_user("pupil.one");
  one->set_to(2);
  one->set_expires_unix_s(absl::ToUnixSeconds(school_.clock().Now()) + 86400);
  one->set_reason("agreed with the parents");
  one->set_asked_by("dsl");
  one->set_approver("head");
  Publish();
  TestBrowser lead = LoggedIn("lead");
  const Response answer = lead.Get("/api/v1/restrictions");
  const json list = TestBrowser::Json(answer)["restrictions"];
  ASSERT_EQ(list.size(), 1u) << answer.body;
  EXPECT_EQ(list[0]["state"], "now");
  EXPECT_EQ(list[0]["reason"], "agreed with the parents");
  EXPECT_EQ(list[0]["to"], policy_.groups(2).title());
  EXPECT_EQ(answer.body.find("pupil.one"), std::string::npos);
  school_.clock().Advance(absl::Hours(25));
  TestBrowser later = LoggedIn("lead");
  EXPECT_EQ(TestBrowser::Json(
                later.Get("/api/v1/restrictions"))["restrictions"][0]["state"],
            "over");
}

}  // namespace
}  // namespace schoolgate::collector
