#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "collector/web/test_school.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

const std::string kSealedShare(162, 'a');

class NamesTest : public testing::Test {
 protected:
  NamesTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {
    alert_ = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
    school_.SealLogin("P-000001", key_);
  }

  TestBrowser LoggedIn(const std::string& name) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(name).status, 200) << name;
    return browser;
  }

  Response AskFor(TestBrowser& browser, uint64_t alert) {
    return browser.Post(
        absl::StrCat("/api/v1/alerts/", alert, "/name"),
        {{"reason", "to talk with the family"},
         {"key", seal::ToHex(seal::BoxKey::Generate().public_key())}});
  }
  // The id of the request.
  uint64_t Asked(TestBrowser& browser) {
    const Response response = AskFor(browser, alert_);
    EXPECT_EQ(response.status, 200) << response.body;
    return TestBrowser::Json(response)["id"];
  }

  int Approve(TestBrowser& browser, uint64_t id) {
    return browser
        .Post(absl::StrCat("/api/v1/names/", id, "/approve"),
              {{"sealed_share", kSealedShare}})
        .status;
  }
  Response Step(TestBrowser& browser, uint64_t id, const char* step) {
    return browser.Post(absl::StrCat("/api/v1/names/", id, "/", step));
  }
  json Requests(TestBrowser& browser) {
    return TestBrowser::Json(browser.Get("/api/v1/names"))["requests"];
  }

  // "who action" of all lines about names.
  std::vector<std::string> OnRecord() {
    std::vector<std::string> lines;
    for (const AuditEntry& entry : school_.Audit()) {
      if (entry.action.ends_with("_name") ||
          entry.action == "approve_name_refused") {
        lines.push_back(entry.who + " " + entry.action);
      }
    }
    return lines;
  }

  TestSchool school_;
  Api api_;
  const seal::BoxKey key_ = seal::BoxKey::Generate();
  uint64_t alert_ = 0;
};

TEST_F(NamesTest, TwoPeopleOpenANameAndEveryStepIsOnRecord) {
  TestBrowser lead = LoggedIn("lead"), head = LoggedIn("head");
  const uint64_t id = Asked(lead);
  ASSERT_EQ(Requests(head).size(), 1u);
  const json seen = Requests(head)[0];
  EXPECT_EQ(seen["reason"], "to talk with the family");
  EXPECT_EQ(seen["requester"], "The lead");
  EXPECT_FALSE(seen.contains("sealed_login"));
  EXPECT_EQ(Step(lead, id, "open").status, 409);
  EXPECT_EQ(Approve(head, id), 200);
  EXPECT_EQ(Requests(lead)[0]["state"], "approved");
  const Response opened = Step(lead, id, "open");
  ASSERT_EQ(opened.status, 200);
  EXPECT_EQ(TestBrowser::Json(opened)["sealed_share"], kSealedShare);
  const auto box = seal::FromHex(
      TestBrowser::Json(opened)["sealed_login"].get<std::string>());
  EXPECT_EQ(*seal::OpenBox(key_, *box), "a.khan");
  EXPECT_EQ(Step(lead, id, "open").status, 409);  // handed out once
  EXPECT_EQ(OnRecord(),
            (std::vector<std::string>{"lead ask_name", "head approve_name",
                                      "lead open_name"}));
  // Why is on record for those who oversee, without governors.
  const auto reason = [](const Response& answer) {
    return answer.body.find("to talk with the family") != std::string::npos;
  };
  EXPECT_TRUE(reason(head.Get("/api/v1/audit")));
  TestBrowser governor = LoggedIn("governor");
  EXPECT_FALSE(reason(governor.Get("/api/v1/audit")));
}

TEST_F(NamesTest, OnePersonIsNotTwo) {
  TestBrowser lead = LoggedIn("lead"), again = LoggedIn("lead");
  const uint64_t id = Asked(lead);
  EXPECT_EQ(Approve(again, id), 409);
  EXPECT_EQ(Step(again, id, "open").status, 409);
  EXPECT_EQ(OnRecord().back(), "lead approve_name_refused");
  EXPECT_EQ(Requests(lead)[0]["state"], "asked");
}

TEST_F(NamesTest, OnlyWhoAskedGetsWhatWasSealed) {
  TestBrowser lead = LoggedIn("lead"), head = LoggedIn("head"),
              deputy = LoggedIn("deputy");
  const uint64_t id = Asked(lead);
  ASSERT_EQ(Approve(head, id), 200);
  EXPECT_EQ(Step(head, id, "open").status, 404);
  EXPECT_EQ(Step(deputy, id, "open").status, 404);
  EXPECT_EQ(Approve(deputy, id), 409);  // answered already
  EXPECT_EQ(Step(deputy, id, "end").status, 409);
  EXPECT_EQ(Step(lead, id, "open").status, 200);
}

TEST_F(NamesTest, ARefusedOrWithdrawnRequestOpensNothing) {
  TestBrowser lead = LoggedIn("lead"), head = LoggedIn("head");
  const uint64_t first = Asked(lead);
  EXPECT_EQ(AskFor(head, alert_).status, 409);  // one at a time
  EXPECT_EQ(Step(head, first, "end").status, 200);
  EXPECT_EQ(Requests(lead)[0]["state"], "refused");
  EXPECT_EQ(Approve(head, first), 409);
  const uint64_t second = Asked(lead);
  ASSERT_EQ(Approve(head, second), 200);
  EXPECT_EQ(Step(lead, second, "end").status, 200);
  EXPECT_EQ(Step(lead, second, "open").status, 409);
  EXPECT_EQ(OnRecord(), (std::vector<std::string>{
                            "lead ask_name", "head refuse_name",
                            "head approve_name_refused", "lead ask_name",
                            "head approve_name", "lead withdraw_name"}));
}

TEST_F(NamesTest, TimeEndsARequestAndThatIsOnRecordToo) {
  TestBrowser lead = LoggedIn("lead");
  const uint64_t id = Asked(lead);
  school_.clock().Advance(kApproveWithin);
  TestBrowser head = LoggedIn("head");
  EXPECT_TRUE(Requests(head).empty());
  EXPECT_EQ(Approve(head, id), 409);
  EXPECT_EQ(OnRecord()[1], "system expire_name");
  TestBrowser later = LoggedIn("lead");
  const uint64_t other = Asked(later);
  ASSERT_EQ(Approve(head, other), 200);
  school_.clock().Advance(kOpenWithin);
  TestBrowser latest = LoggedIn("lead");
  EXPECT_EQ(Step(latest, other, "open").status, 409);
  EXPECT_EQ(OnRecord().back(), "system expire_name");
}

TEST_F(NamesTest, ThePersonConcernedIsNeverPartOfIt) {
  school_.AddAccount("deputy", Role::kDeputy, "oakfield", "P-000001");
  TestBrowser lead = LoggedIn("lead"), deputy = LoggedIn("deputy");
  const uint64_t id = Asked(lead);
  EXPECT_TRUE(Requests(deputy).empty());
  EXPECT_EQ(Approve(deputy, id), 404);
  EXPECT_EQ(AskFor(deputy, alert_).status, 404);
  EXPECT_EQ(Step(deputy, id, "end").status, 404);
}

TEST_F(NamesTest, GovernorsProviderAndOtherSchoolsAreNotAsked) {
  school_.AddAccount("elsewhere", Role::kHead, "beech");
  TestBrowser lead = LoggedIn("lead");
  const uint64_t id = Asked(lead);
  for (const char* name : {"governor", "it", "dpo"}) {
    TestBrowser browser = LoggedIn(name);
    EXPECT_EQ(AskFor(browser, alert_).status, 403) << name;
    EXPECT_EQ(Approve(browser, id), 403) << name;
    EXPECT_EQ(browser.Get("/api/v1/names").status, 403) << name;
  }
  TestBrowser elsewhere = LoggedIn("elsewhere");
  EXPECT_EQ(AskFor(elsewhere, alert_).status, 404);
  EXPECT_EQ(Approve(elsewhere, id), 404);
  EXPECT_TRUE(Requests(elsewhere).empty());
}

// Staff alerts are the head's alone; the second senior person agrees without
// seeing them, the safety lead is not told.
TEST_F(NamesTest, AnAlertAboutStaffIsOpenedByHeadAndSecondSenior) {
  v1::Alert alert = *school_.stores().alerts.Get(alert_);
  alert.set_group("staff");
  ASSERT_TRUE(school_.stores().alerts.Put(alert).ok());
  TestBrowser head = LoggedIn("head"), second = LoggedIn("second"),
              lead = LoggedIn("lead");
  EXPECT_EQ(AskFor(lead, alert_).status, 404);
  EXPECT_EQ(AskFor(second, alert_).status, 404);
  const uint64_t id = Asked(head);
  EXPECT_TRUE(Requests(lead).empty());
  EXPECT_EQ(Approve(lead, id), 404);
  ASSERT_EQ(Requests(second).size(), 1u);
  EXPECT_EQ(Requests(second)[0]["sees_alert"], false);
  EXPECT_EQ(Approve(second, id), 200);
  EXPECT_EQ(Step(head, id, "open").status, 200);
}

TEST_F(NamesTest, WithoutAReasonAKeyOrASealedNameNothingIsAsked) {
  TestBrowser lead = LoggedIn("lead");
  const std::string path = absl::StrCat("/api/v1/alerts/", alert_, "/name");
  const std::string key = seal::ToHex(key_.public_key());
  for (const json& body :
       {json{{"reason", "short"}, {"key", key}},
        json{{"reason", "to talk with the family"}},
        json{{"reason", "to talk with the family"}, {"key", key.substr(2)}},
        json{{"reason", "to talk with the family"},
             {"key", std::string(64, 'x')}}}) {
    EXPECT_EQ(lead.Post(path, body).status, 400) << body;
  }
  const uint64_t unknown = school_.AddAlert("P-000002", v1::SEVERITY_SERIOUS);
  const uint64_t device = school_.AddAlert("D-00000001", v1::SEVERITY_ROUTINE,
                                           "oakfield", "silent_device");
  EXPECT_EQ(AskFor(lead, unknown).status, 409);
  EXPECT_EQ(AskFor(lead, device).status, 409);
  EXPECT_TRUE(OnRecord().empty());
}

}  // namespace
}  // namespace schoolgate::collector
