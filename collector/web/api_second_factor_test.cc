#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "collector/web/test_school.h"
#include "collector/web/totp.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

class SecondFactorTest : public testing::Test {
 protected:
  SecondFactorTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {}

  Response LogIn(TestBrowser& browser, const std::string& code) {
    Response response =
        browser.Post("/api/v1/login", {{"name", "lead"},
                                       {"password", TestSchool::kPassword},
                                       {"code", code}});
    if (response.status == 200) {
      browser.csrf = TestBrowser::Json(response)["csrf"];
    }
    return response;
  }

  // What the authenticator shows `steps` half minutes from now.
  std::string Code(int64_t steps = 0) {
    return TotpCode(school_.stores().second_factors->Get("lead")->secret,
                    TotpStep(school_.clock().Now()) + steps);
  }

  Response Change(TestBrowser& browser, const char* step,
                  const std::string& code = "") {
    return browser.Post("/api/v1/second-factor",
                        {{"step", step}, {"code", code}});
  }

  // The lead adds one; the recovery codes.
  std::vector<std::string> Add() {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn("lead").status, 200);
    EXPECT_EQ(Change(browser, "confirm", "000000").status, 409);
    const Response begun = Change(browser, "begin");
    EXPECT_EQ(begun.status, 200);
    EXPECT_EQ(Change(browser, "confirm", "nonsense").status, 400);
    // The key as an authenticator reads it.
    const std::string key = TestBrowser::Json(begun)["key"];
    std::string secret;
    uint32_t bits = 0;
    int waiting = 0;
    for (const char c : key) {
      bits =
          bits << 5 | static_cast<uint32_t>(c >= 'A' ? c - 'A' : c - '2' + 26);
      if ((waiting += 5) < 8) continue;
      waiting -= 8;
      secret.push_back(static_cast<char>(bits >> waiting & 0xff));
    }
    const Response done = Change(
        browser, "confirm", TotpCode(secret, TotpStep(school_.clock().Now())));
    EXPECT_EQ(done.status, 200) << done.body;
    school_.clock().Advance(absl::Seconds(30));
    return TestBrowser::Json(done)["recovery_codes"];
  }

  TestSchool school_;
  Api api_;
};

TEST_F(SecondFactorTest, ThePasswordAloneOpensNothing) {
  Add();
  TestBrowser browser(api_);
  const Response first = browser.LogIn("lead");
  EXPECT_EQ(first.status, 401);
  EXPECT_EQ(TestBrowser::Json(first)["error"], "code");
  EXPECT_TRUE(browser.cookie.empty());
  EXPECT_EQ(LogIn(browser, "123").status, 401);
  EXPECT_EQ(LogIn(browser, Code()).status, 200);
  EXPECT_EQ(browser.Get("/api/v1/alerts").status, 200);
  // A wrong password is answered as ever, with or without a code.
  TestBrowser other(api_, "198.51.100.4");
  EXPECT_EQ(TestBrowser::Json(other.LogIn("lead", "wrong"))["error"], "wrong");
}

// Somebody who watches the typing could use the code again within its minute.
// A role that the school's set-up says needs a code sees nothing without one,
// and is not locked out of adding it.
TEST_F(SecondFactorTest, ARoleCanBeMadeToHaveOne) {
  NoticeFacts facts;
  facts.need_code = {Role::kSafetyLead};
  Api strict(school_.stores(), facts, SessionLimits{}, school_.clock());
  TestBrowser lead(strict), deputy(strict);
  const Response in = lead.LogIn("lead");
  ASSERT_EQ(in.status, 200);
  EXPECT_EQ(TestBrowser::Json(in)["must_add_code"], true);
  for (const char* path : {"/api/v1/alerts", "/api/v1/audit", "/api/v1/notice",
                           "/api/v1/my-record"}) {
    const Response refused = lead.Get(path);
    EXPECT_EQ(refused.status, 403) << path;
    EXPECT_EQ(TestBrowser::Json(refused)["error"], "second_factor") << path;
  }
  ASSERT_EQ(deputy.LogIn("deputy").status, 200);
  EXPECT_EQ(deputy.Get("/api/v1/alerts").status, 200);
  Add();  // as the page does, at the same stores
  EXPECT_EQ(lead.Get("/api/v1/alerts").status, 200);
  // Who takes it away again is where they were.
  TestBrowser again(strict);
  ASSERT_EQ(LogIn(again, Code()).status, 200);
  EXPECT_EQ(Change(again, "begin").status, 409);
  school_.clock().Advance(absl::Seconds(30));
  EXPECT_EQ(Change(again, "remove", Code()).status, 200);
  EXPECT_EQ(again.Get("/api/v1/alerts").status, 403);
  EXPECT_EQ(Change(again, "begin").status, 200);
}

TEST_F(SecondFactorTest, ACodeIsGoodOnce) {
  Add();
  TestBrowser browser(api_), other(api_, "198.51.100.4");
  const std::string code = Code();
  EXPECT_EQ(LogIn(browser, code).status, 200);
  EXPECT_EQ(LogIn(other, code).status, 401);
  EXPECT_EQ(LogIn(other, Code(-1)).status, 401);  // an older one neither
  EXPECT_EQ(LogIn(other, Code(1)).status, 200);
}

TEST_F(SecondFactorTest, GuessingCodesLocksOut) {
  Add();
  TestBrowser browser(api_);
  for (int i = 0; i < 5; ++i) LogIn(browser, absl::StrCat("00000", i));
  EXPECT_EQ(LogIn(browser, Code()).status, 429);
}

TEST_F(SecondFactorTest, ARecoveryCodeWorksOnceAndIsOnRecord) {
  const std::vector<std::string> codes = Add();
  ASSERT_EQ(codes.size(), 10u);
  TestBrowser browser(api_), other(api_, "198.51.100.4");
  EXPECT_EQ(LogIn(browser, codes[3]).status, 200);
  EXPECT_EQ(LogIn(other, codes[3]).status, 401);
  EXPECT_EQ(LogIn(other, codes[4]).status, 200);
  int used = 0;
  for (const AuditEntry& entry : school_.Audit()) {
    used += entry.action == "use_recovery_code";
    EXPECT_EQ(entry.detail.find(codes[3]), std::string::npos);
  }
  EXPECT_EQ(used, 2);
}

TEST_F(SecondFactorTest, IsRemovedOnlyByWhoHasIt) {
  Add();
  TestBrowser browser(api_);
  ASSERT_EQ(LogIn(browser, Code()).status, 200);
  EXPECT_EQ(Change(browser, "begin").status, 409);
  EXPECT_EQ(Change(browser, "remove", "000000").status, 400);
  EXPECT_EQ(Change(browser, "remove", Code(1)).status, 200);
  TestBrowser again(api_);
  EXPECT_EQ(again.LogIn("lead").status, 200);
}

// --- Which kinds of alert wait for the digest. -----------------------------

class BudgetTest : public SecondFactorTest {
 protected:
  TestBrowser LoggedIn(const std::string& name) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(name).status, 200) << name;
    return browser;
  }
  int Move(TestBrowser& browser, bool in_digest,
           const std::string& kind = "repeated_contacts/gambling") {
    return browser
        .Post("/api/v1/budget", {{"kind", kind}, {"in_digest", in_digest}})
        .status;
  }
  json Kinds(TestBrowser& browser) {
    return TestBrowser::Json(browser.Get("/api/v1/alerts"))["digest_kinds"];
  }
};

// One person alone could switch off what they do not want to be seen.
TEST_F(BudgetTest, AKindMovesWhenTwoPeopleAgreeAndBackLikewise) {
  school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  TestBrowser lead = LoggedIn("lead"), head = LoggedIn("head");
  EXPECT_EQ(Move(lead, true), 200);
  EXPECT_EQ(Move(lead, true), 409);
  EXPECT_EQ(Kinds(lead), json::array());
  EXPECT_EQ(Move(head, true), 200);
  EXPECT_EQ(Kinds(lead), json::array({"repeated_contacts/gambling"}));
  EXPECT_EQ(Move(head, false), 200);
  EXPECT_EQ(Kinds(lead).size(), 1u);
  EXPECT_EQ(Move(head, true), 200);  // taken back
  EXPECT_EQ(Move(lead, false), 200);
  EXPECT_EQ(Move(head, false), 200);
  EXPECT_EQ(Kinds(lead), json::array());
}

// A pattern of one day would interrupt, or could be hidden by one person.
TEST_F(BudgetTest, AThinPatternWaitsUntilTwoPeopleWantItInTheList) {
  const std::string kind = "thin_pattern/gambling";
  school_.AddAlert("P-000001", v1::SEVERITY_ROUTINE, "oakfield",
                   "thin_pattern");
  TestBrowser lead = LoggedIn("lead"), head = LoggedIn("head");
  const auto listed = [&] {
    return TestBrowser::Json(lead.Get("/api/v1/alerts"))["list_kinds"];
  };
  EXPECT_TRUE(
      TestBrowser::Json(lead.Get("/api/v1/budget"))["kinds"][0]["in_digest"]);
  EXPECT_EQ(Move(lead, false, kind), 200);
  EXPECT_EQ(listed(), json::array());
  EXPECT_EQ(Move(head, false, kind), 200);
  EXPECT_EQ(listed(), json::array({kind}));
  EXPECT_EQ(Kinds(lead), json::array());
}

TEST_F(BudgetTest, IllegalMaterialAndWhatThereIsNotCannotBeMoved) {
  school_.AddAlert("P-000001", v1::SEVERITY_ILLEGAL, "oakfield",
                   "restricted_list");
  TestBrowser head = LoggedIn("head");
  EXPECT_EQ(Move(head, true, "restricted_list/gambling"), 409);
  EXPECT_EQ(Move(head, true, "nothing/here"), 404);
}

// Two tired people would put off a child who needs help until tomorrow; or had,
// before it was refused.
TEST_F(BudgetTest, WelfareCannotBeMovedAndComesBack) {
  const std::string kind = "repeated_contacts/self-harm";
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  ASSERT_TRUE(school_.stores()
                  .alerts
                  .Update(id,
                          [](v1::Alert* alert) {
                            alert->set_category("self-harm");
                            return absl::OkStatus();
                          })
                  .ok());
  TestBrowser lead = LoggedIn("lead");
  EXPECT_EQ(Move(lead, true, kind), 409);
  ASSERT_TRUE(school_.stores()
                  .agreements
                  ->Put({.school = "oakfield", .kind = kind, .in_digest = true})
                  .ok());
  EXPECT_EQ(Kinds(lead), json::array());
  const json row = TestBrowser::Json(lead.Get("/api/v1/budget"))["kinds"][0];
  EXPECT_EQ(row["in_digest"], false);
  EXPECT_EQ(row["may_wait"], false);
}

TEST_F(BudgetTest, VerdictsAreCounted) {
  for (const char* outcome : {"false_alarm", "no_action", "no_action"}) {
    const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
    ASSERT_TRUE(school_.stores()
                    .alerts
                    .Update(id,
                            [&](v1::Alert* alert) {
                              alert->set_state(v1::ALERT_STATE_CLOSED);
                              alert->mutable_incident()->set_outcome(outcome);
                              return absl::OkStatus();
                            })
                    .ok());
  }
  TestBrowser lead = LoggedIn("lead");
  const json kind = TestBrowser::Json(lead.Get("/api/v1/budget"))["kinds"][0];
  EXPECT_EQ(kind["right"], 2);
  EXPECT_EQ(kind["wrong"], 1);
}

// --- Reports. ---------------------------------------------------------------

TEST_F(BudgetTest, GovernorsGetNoExactFigures) {
  for (int i = 0; i < 7; ++i) {
    school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  }
  school_.clock().Advance(absl::Hours(24 * 20));  // into December
  TestBrowser governor = LoggedIn("governor");
  const Response bands =
      governor.Get("/api/v1/report?kind=governors&period=2026-autumn");
  ASSERT_EQ(bands.status, 200) << bands.body;
  EXPECT_NE(bands.body.find("5 to 9"), std::string::npos) << bands.body;
  EXPECT_EQ(
      governor.Get("/api/v1/report?kind=leaders&period=2026-autumn").status,
      403);
  EXPECT_EQ(
      governor.Get("/api/v1/report?kind=governors&period=2026-W48").status,
      400);
  TestBrowser head = LoggedIn("head");
  const Response exact =
      head.Get("/api/v1/report?kind=leaders&period=2026-11&format=csv");
  EXPECT_EQ(exact.type, "text/csv; charset=utf-8");
  EXPECT_NE(exact.body.find("\"Serious\",\"7\""), std::string::npos)
      << exact.body;
  EXPECT_EQ(school_.Audit().back().action, "export_report");
}

// A governor, or another school, must not learn by the trends what the
// governors' report keeps back.
TEST_F(BudgetTest, TrendsAreExactOnlyForThoseWhoSeeTheAlerts) {
  for (int i = 0; i < 7; ++i) {
    school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  }
  for (int i = 0; i < 12; ++i) {
    school_.AddAlert("P-000002", v1::SEVERITY_SERIOUS, "elm");
  }
  school_.clock().Advance(absl::Hours(24 * 20));  // into December
  const std::string path = "/api/v1/report?kind=trends&period=2026-autumn";
  NoticeFacts facts;
  facts.compared = {{"oakfield", "Oakfield"}, {"elm", "Elm"}};
  Api comparing(school_.stores(), facts, SessionLimits{}, school_.clock());
  const auto tables = [&](Api& api, const char* name) {
    TestBrowser browser(api);
    EXPECT_EQ(browser.LogIn(name).status, 200);
    const Response answer = browser.Get(path);
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::map<std::string, json> all;
    const json body = TestBrowser::Json(answer);
    for (const json& table : body["tables"]) {
      all[table["title"].get<std::string>()] = table["rows"];
    }
    return all;
  };
  auto governor = tables(comparing, "governor");
  EXPECT_FALSE(governor.contains("By category"));
  EXPECT_TRUE(governor.contains("Alerts by month and area"));
  // Gambling is commerce: each school's band, and nothing finer.
  const json commerce = governor["Commerce, by school"];
  ASSERT_EQ(commerce.size(), 2u);
  EXPECT_EQ(commerce[0].back(), "5 to 9");
  EXPECT_EQ(commerce[1].back(), "10 to 14");
  auto lead = tables(comparing, "lead");
  EXPECT_NE(lead["By category"].dump().find("\"7\""), std::string::npos);
  EXPECT_EQ(lead["Commerce, by school"], commerce);
  EXPECT_EQ(lead["By category"].dump().find("12"), std::string::npos)
      << "the other school's";
  // Where the trust does not compare, each school sees its own.
  for (const char* name : {"governor", "lead"}) {
    EXPECT_FALSE(tables(api_, name).contains("Commerce, by school")) << name;
  }
  TestBrowser other(comparing);
  ASSERT_EQ(other.LogIn("head").status, 200);
  EXPECT_EQ(other.Get("/api/v1/report?kind=trends&period=2026-W48").status,
            400);
}

}  // namespace
}  // namespace schoolgate::collector
