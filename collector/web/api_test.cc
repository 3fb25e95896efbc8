#include "collector/web/api.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

class ApiTest : public testing::Test {
 protected:
  ApiTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {}

  TestBrowser LoggedIn(const std::string& name) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(name).status, 200) << name;
    return browser;
  }

  json List(TestBrowser& browser) {
    return TestBrowser::Json(browser.Get("/api/v1/alerts"))["alerts"];
  }

  TestSchool school_;
  Api api_;
};

constexpr const char* kNames[] = {"it",     "lead",     "deputy", "head",
                                  "second", "governor", "dpo"};

// A call that forgets to ask for the role would be open to everybody.
TEST_F(ApiTest, EveryCallIsOpenToExactlyTheRolesOfTheTable) {
  const uint64_t id = school_.AddAlert("D-00000001", v1::SEVERITY_ROUTINE,
                                       "oakfield", "silent_device");
  std::map<std::string, TestBrowser> browsers;
  uint32_t roles = 0;
  int calls = 0;
  uint64_t number = 0;
  bool known = false;
  for (const AccessRule& rule : AccessTable()) {
    // Below; and what is open to everybody.
    if (rule.roles == 0 || rule.endpoint == Endpoint::kLive) continue;
    const std::string path =
        absl::StrReplaceAll(rule.path, {{"*", absl::StrCat(id)}});
    TestBrowser stranger(api_);
    EXPECT_EQ(stranger.Send(rule.method, path).status, 401) << path;
    for (const char* name : kNames) {
      TestBrowser& browser = browsers.try_emplace(name, api_).first->second;
      if (browser.Get("/api/v1/session").status == 401) {
        ASSERT_EQ(browser.LogIn(name).status, 200);
      }
      const Role role = school_.stores().accounts.Get(name)->role;
      roles |= RoleBit(role);
      ++calls;
      const Response response = browser.Send(rule.method, path);
      const bool refused =
          response.status == 403 &&
          TestBrowser::Json(response)["error"] == "not_your_role";
      EXPECT_EQ(refused, (rule.roles & RoleBit(role)) == 0)
          << name << " " << path << " " << response.body;
      EXPECT_NE(response.status, 401) << name << " " << path;
      EXPECT_NE(response.status, 503) << name << " " << path;
      school_.clock().Advance(absl::Seconds(5));
    }
  }
  // Nobody was forgotten: it is what the table calls everybody.
  EXPECT_EQ(roles, FindRule("GET", "/api/v1/session", &number, &known)->roles);
  RecordProperty("calls_as_each_role", calls);  // scripts/prove tells it
}

TEST_F(ApiTest, TheLiveFeedIsOpenToExactlyTheRolesOfTheTable) {
  for (const char* name : kNames) {
    TestBrowser browser = LoggedIn(name);
    Request request;
    request.headers["cookie"] = browser.cookie;
    request.headers["last-event-id"] = "17";
    Response refusal;
    auto ticket = api_.AdmitLive(request, &refusal);
    const Role role = school_.stores().accounts.Get(name)->role;
    EXPECT_EQ(ticket.has_value(), RoleMay(role, Endpoint::kLive)) << name;
    if (ticket) {
      EXPECT_EQ(ticket->after, 17u);
    }
  }
}

TEST_F(ApiTest, WritesNeedTheTokenOfThePage) {
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  TestBrowser browser = LoggedIn("lead");
  browser.csrf = "guessed";
  const std::string path = absl::StrCat("/api/v1/alerts/", id, "/notes");
  EXPECT_EQ(browser.Post(path, {{"words", "x"}}).status, 403);
  EXPECT_EQ(school_.stores().alerts.Get(id)->notes_size(), 0);
}

TEST_F(ApiTest, RequestsThatAnotherSiteMadeAreRefused) {
  Request request;
  request.method = "POST";
  request.path = "/api/v1/login";
  request.body = R"({"name":"lead","password":"correct horse battery"})";
  request.headers = {{"host", "school.test"}};
  EXPECT_EQ(api_.Answer(request).status, 403);
  request.headers["content-type"] = "application/json";
  EXPECT_EQ(api_.Answer(request).status, 200);
  request.headers["origin"] = "https://evil.test";
  EXPECT_EQ(api_.Answer(request).status, 403);
  request.headers["origin"] = "https://school.test";
  request.headers["sec-fetch-site"] = "cross-site";
  EXPECT_EQ(api_.Answer(request).status, 403);
}

// Whether a name exists could be read off the answers.
TEST_F(ApiTest, AnUnknownNameIsAnsweredLikeAWrongPassword) {
  TestBrowser browser(api_, "192.0.2.1");
  TestBrowser other(api_, "192.0.2.2");
  for (int i = 0; i < 7; ++i) {
    const Response known = browser.LogIn("lead", "wrong");
    const Response unknown = other.LogIn("nobody", "wrong");
    EXPECT_EQ(known.status, i < 4 ? 401 : 429);
    EXPECT_EQ(known.status, unknown.status);
    EXPECT_EQ(known.body, unknown.body);
  }
}

TEST_F(ApiTest, LockedOutWithTheRightPasswordToo) {
  TestBrowser browser(api_);
  for (int i = 0; i < 5; ++i) browser.LogIn("lead", "wrong");
  EXPECT_EQ(browser.LogIn("lead").status, 429);
  TestBrowser elsewhere(api_, "198.51.100.9");
  EXPECT_EQ(elsewhere.LogIn("lead").status, 429);
  EXPECT_EQ(elsewhere.LogIn("head").status, 200);
  school_.clock().Advance(absl::Seconds(31));
  EXPECT_EQ(browser.LogIn("lead").status, 200);
}

TEST_F(ApiTest, TheLockSurvivesARestart) {
  TestBrowser browser(api_);
  for (int i = 0; i < 5; ++i) browser.LogIn("lead", "wrong");
  Api restarted(school_.stores(), NoticeFacts{}, SessionLimits{},
                school_.clock());
  TestBrowser again(restarted);
  EXPECT_EQ(again.LogIn("lead").status, 429);
}

TEST_F(ApiTest, OneAddressCannotTryManyNames) {
  TestBrowser browser(api_, "192.0.2.66");
  int status = 0;
  for (int i = 0; i < 20; ++i) {
    school_.clock().Advance(absl::Seconds(1));
    status = browser.LogIn(absl::StrCat("name", i), "wrong").status;
  }
  EXPECT_EQ(status, 401);
  EXPECT_EQ(browser.LogIn("lead").status, 429);
  TestBrowser elsewhere(api_, "198.51.100.9");
  EXPECT_EQ(elsewhere.LogIn("lead").status, 200);
}

TEST_F(ApiTest, AOneTimePasswordOpensNothingButThePasswordPage) {
  Account account = school_.AddAccount("fresh", Role::kDeputy);
  account.must_change_password = true;
  ASSERT_TRUE(school_.stores().accounts.Put(account).ok());
  TestBrowser browser = LoggedIn("fresh");
  for (const AccessRule& rule : AccessTable()) {
    if (rule.before_new_password || rule.endpoint == Endpoint::kLive) continue;
    const std::string path = absl::StrReplaceAll(rule.path, {{"*", "1"}});
    EXPECT_EQ(browser.Send(rule.method, path).status, 403) << path;
  }
  const auto change = [&](const char* old_word, const char* new_word) {
    return browser
        .Post("/api/v1/password",
              {{"old_password", old_word}, {"new_password", new_word}})
        .status;
  };
  EXPECT_EQ(change("wrong", "seven purple lanterns"), 403);
  EXPECT_EQ(change(TestSchool::kPassword, TestSchool::kPassword), 400);
  EXPECT_EQ(change(TestSchool::kPassword, "short"), 400);
  EXPECT_EQ(change(TestSchool::kPassword, "seven purple lanterns"), 200);
  EXPECT_EQ(browser.Get("/api/v1/alerts").status, 200);
  TestBrowser again(api_);
  EXPECT_EQ(again.LogIn("fresh").status, 401);
  EXPECT_EQ(again.LogIn("fresh", "seven purple lanterns").status, 200);
}

TEST_F(ApiTest, TenQuietMinutesLogOut) {
  TestBrowser browser = LoggedIn("lead");
  EXPECT_EQ(browser.Get("/api/v1/alerts").status, 200);
  school_.clock().Advance(absl::Minutes(10));
  EXPECT_EQ(browser.Get("/api/v1/alerts").status, 401);
}

// Somebody could look without a trace.
TEST_F(ApiTest, EveryLookAndChangeIsOnRecord) {
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  const std::string path = absl::StrCat("/api/v1/alerts/", id);
  TestBrowser browser = LoggedIn("head");
  EXPECT_EQ(browser.Get("/api/v1/alerts").status, 200);
  EXPECT_EQ(browser.Get(path).status, 200);
  EXPECT_EQ(browser.Post(path + "/notes", {{"words", "x"}}).status, 200);
  EXPECT_EQ(browser.Post(path + "/state", {{"state", "seen"}}).status, 200);
  EXPECT_EQ(browser.Get("/api/v1/devices").status, 200);
  EXPECT_EQ(browser.Get("/api/v1/audit").status, 200);
  EXPECT_EQ(browser.Get("/api/v1/alerts/999").status, 404);
  EXPECT_EQ(browser.Post("/api/v1/logout").status, 200);
  std::vector<std::string> actions;
  for (const AuditEntry& entry : school_.Audit()) {
    EXPECT_EQ(entry.who, "head");
    actions.push_back(entry.action + (entry.about.empty() ? "" : " ") +
                      entry.about);
  }
  EXPECT_EQ(actions, (std::vector<std::string>{
                         "log_in", "view_alerts", "view_alert 1", "add_note 1",
                         "acknowledge 1", "view_devices", "view_audit",
                         "refused 999", "log_out"}));
}

// The report would say that nobody has looked at an alert whose log is written.
TEST_F(ApiTest, WhoeverWritesAboutANewAlertHasSeenIt) {
  TestBrowser browser = LoggedIn("lead");
  for (const auto& [call, body] : std::vector<std::pair<std::string, json>>{
           {"/notes", {{"words", "Asked the teacher."}}},
           {"/incident", {{"where", "Library"}}}}) {
    const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
    const std::string path = absl::StrCat("/api/v1/alerts/", id);
    EXPECT_EQ(browser.Get(path).status, 200);
    EXPECT_EQ(school_.stores().alerts.Get(id)->state(), v1::ALERT_STATE_NEW);
    const Response answer = browser.Post(path + call, body);
    EXPECT_EQ(TestBrowser::Json(answer)["state"], "seen") << call;
    EXPECT_NE(school_.stores().alerts.Get(id)->acknowledged_unix_us(), 0);
    // What is further on stays where it is.
    EXPECT_EQ(browser.Post(path + "/state", {{"state", "waiting"}}).status,
              200);
    EXPECT_EQ(browser.Post(path + call, body).status, 200);
    EXPECT_EQ(school_.stores().alerts.Get(id)->state(),
              v1::ALERT_STATE_WAITING);
  }
}

// The audit log that refuses: a full disk.
class FullDisk : public AuditLog {
 public:
  absl::Status Append(AuditEntry) override {
    return absl::ResourceExhaustedError("no space left");
  }
  absl::Status Begin(absl::Time) override { return absl::OkStatus(); }
  absl::Status SignAnew(AuditEntry) override { return absl::OkStatus(); }
  absl::StatusOr<AuditHead> Head() override { return AuditHead(); }
  absl::StatusOr<std::vector<AuditEntry>> Read(uint64_t, size_t) override {
    return std::vector<AuditEntry>();
  }
  absl::Status Verify() override { return absl::OkStatus(); }
};

TEST_F(ApiTest, WhatCannotBeRecordedIsNotShown) {
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  FullDisk full;
  Stores stores = {school_.stores().alerts, full, school_.stores().devices,
                   school_.stores().accounts};
  Api api(stores, NoticeFacts{}, SessionLimits{}, school_.clock());
  TestBrowser browser(api);
  EXPECT_EQ(browser.LogIn("lead").status, 503);
  EXPECT_TRUE(browser.cookie.empty());
  EXPECT_EQ(school_.stores().alerts.Get(id)->notes_size(), 0);
}

TEST_F(ApiTest, ClosingNeedsAnOutcomeAndWhatWasDone) {
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  const std::string path = absl::StrCat("/api/v1/alerts/", id, "/state");
  TestBrowser browser = LoggedIn("lead");
  const auto close = [&](json body) {
    body["state"] = "closed";
    return browser.Post(path, body).status;
  };
  EXPECT_EQ(close(json::object()), 400);
  EXPECT_EQ(close({{"outcome", "guilty"}}), 400);
  EXPECT_EQ(close({{"outcome", "handled"}}), 400);
  EXPECT_EQ(school_.stores().alerts.Get(id)->state(), v1::ALERT_STATE_NEW);
  EXPECT_EQ(close({{"outcome", "false_alarm"}}), 200);
  EXPECT_EQ(browser.Post(path, {{"state", "looking"}}).status, 200);
  EXPECT_EQ(close({{"outcome", "handled"}, {"action_taken", "Talked."}}), 200);
  const v1::Alert alert = *school_.stores().alerts.Get(id);
  EXPECT_EQ(alert.state(), v1::ALERT_STATE_CLOSED);
  EXPECT_EQ(alert.incident().recorded_by(), "lead");
  EXPECT_EQ(browser.Post(path, {{"state", "deleted"}}).status, 400);
}

TEST_F(ApiTest, IllegalMaterialIsClosedByTwoPeople) {
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_ILLEGAL);
  const std::string path = absl::StrCat("/api/v1/alerts/", id, "/state");
  const json closing = {{"state", "closed"},
                        {"outcome", "referred"},
                        {"action_taken", "Police called."}};
  TestBrowser head = LoggedIn("head");
  TestBrowser second = LoggedIn("second");
  EXPECT_EQ(head.Post(path, closing).status, 200);
  EXPECT_EQ(school_.stores().alerts.Get(id)->state(), v1::ALERT_STATE_WAITING);
  EXPECT_EQ(head.Post(path, closing).status, 409);
  // Taken back, so the second one's word is the first again.
  EXPECT_EQ(head.Post(path, {{"state", "looking"}}).status, 200);
  EXPECT_EQ(second.Post(path, closing).status, 200);
  EXPECT_EQ(school_.stores().alerts.Get(id)->state(), v1::ALERT_STATE_WAITING);
  EXPECT_EQ(head.Post(path, closing).status, 200);
  EXPECT_EQ(school_.stores().alerts.Get(id)->state(), v1::ALERT_STATE_CLOSED);
}

// The head could find out from the record that somebody looks into the head.
TEST_F(ApiTest, AnAlertAboutTheReaderCannotBeFoundInAnyList) {
  school_.AddAccount("head", Role::kHead, "oakfield", "P-HEAD00");
  const uint64_t hidden = school_.AddAlert("P-HEAD00", v1::SEVERITY_SERIOUS);
  const uint64_t shown = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  TestBrowser second = LoggedIn("second");
  EXPECT_EQ(second.Get(absl::StrCat("/api/v1/alerts/", hidden)).status, 200);
  EXPECT_EQ(second.Get(absl::StrCat("/api/v1/alerts/", shown)).status, 200);
  TestBrowser head = LoggedIn("head");
  EXPECT_EQ(List(head).size(), 1u);
  EXPECT_EQ(head.Get("/api/v1/alerts?all=1").body.find("P-HEAD00"),
            std::string::npos);
  const Response none = head.Get("/api/v1/alerts/999");
  const Response own = head.Get(absl::StrCat("/api/v1/alerts/", hidden));
  EXPECT_EQ(own.status, none.status);
  EXPECT_EQ(own.body, none.body);
  for (const char* call : {"/notes", "/state", "/incident"}) {
    const json body = {
        {"words", "x"}, {"state", "closed"}, {"outcome", "false_alarm"}};
    EXPECT_EQ(
        head.Post(absl::StrCat("/api/v1/alerts/", hidden, call), body).status,
        404);
  }
  const json audit = TestBrowser::Json(head.Get("/api/v1/audit"));
  int about_shown = 0;
  for (const json& entry : audit["entries"]) {
    EXPECT_NE(entry["about_alert"], absl::StrCat(hidden));
    EXPECT_NE(entry["about_alert"], "999");
    about_shown += entry["about_alert"] == absl::StrCat(shown);
  }
  EXPECT_EQ(about_shown, 1);
  // The governor, whom it is not about, reads that it was opened.
  TestBrowser governor = LoggedIn("governor");
  EXPECT_NE(governor.Get("/api/v1/audit")
                .body.find(absl::StrCat("\"about_alert\":\"", hidden, "\"")),
            std::string::npos);
}

TEST_F(ApiTest, TheRecordIsReadFromItsEndInPages) {
  TestBrowser head = LoggedIn("head");
  for (int i = 0; i < 450; ++i) {
    AuditEntry entry;
    entry.time = school_.clock().Now();
    entry.who = "lead";
    entry.action = absl::StrCat("step_", i);
    ASSERT_TRUE(school_.stores().audit.Append(entry).ok());
  }
  std::vector<std::string> steps;
  std::string path = "/api/v1/audit";
  for (int page = 0; page < 5; ++page) {
    const json answer = TestBrowser::Json(head.Get(path));
    if (page == 0) {
      EXPECT_EQ(answer["whole"], true);
    }
    for (const json& entry : answer["entries"]) {
      const std::string action = entry["action"];
      if (action.starts_with("step_")) steps.push_back(action);
    }
    if (answer["before"] == 0) break;
    path =
        absl::StrCat("/api/v1/audit?before=", answer["before"].get<uint64_t>());
  }
  ASSERT_EQ(steps.size(), 450u);
  EXPECT_EQ(steps.front(), "step_449");
  EXPECT_EQ(steps.back(), "step_0");
}

TEST_F(ApiTest, HostileBodiesAreRefusedInWords) {
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  TestBrowser browser = LoggedIn("lead");
  const std::string path = absl::StrCat("/api/v1/alerts/", id);
  EXPECT_EQ(browser.Post(path + "/notes", json::array({1, 2})).status, 400);
  EXPECT_EQ(browser.Post(path + "/notes", {{"words", 7}}).status, 400);
  EXPECT_EQ(browser.Post(path + "/notes", {{"words", " \n "}}).status, 400);
  EXPECT_EQ(browser.Get("/api/v1/alerts/0").status, 404);
  EXPECT_EQ(browser.Get("/api/v1/alerts/99999999999999999999").status, 404);
  EXPECT_EQ(browser.Get("/api/v1/alerts/1x").status, 404);
  EXPECT_EQ(browser.Send("DELETE", path).status, 405);
  EXPECT_EQ(
      browser
          .Post(path + "/notes", {{"words", std::string(10000, 'a') + "\x07"}})
          .status,
      200);
  EXPECT_EQ(school_.stores().alerts.Get(id)->notes(0).words().size(), 4000u);
}

TEST_F(ApiTest, AHundredRequestsAtOnceAreSlowedDown) {
  TestBrowser browser = LoggedIn("lead");
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    refused += browser.Get("/api/v1/session").status == 429;
  }
  EXPECT_GE(refused, 15);
  school_.clock().Advance(absl::Seconds(5));
  EXPECT_EQ(browser.Get("/api/v1/session").status, 200);
}

// Two people who write at the same moment: neither note may be lost.
TEST_F(ApiTest, NotesOfTwoPeopleAreBothKept) {
  const uint64_t id = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  const std::string path = absl::StrCat("/api/v1/alerts/", id, "/notes");
  const auto write = [&](TestBrowser& browser) {
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(browser.Post(path, {{"words", "x"}}).status, 200);
    }
  };
  TestBrowser lead = LoggedIn("lead");
  TestBrowser deputy = LoggedIn("deputy");
  std::thread other([&] { write(deputy); });
  write(lead);
  other.join();
  EXPECT_EQ(school_.stores().alerts.Get(id)->notes_size(), 40);
}

// A bad release on a Friday: whoever looks after devices stops it from here.
TEST_F(ApiTest, TheProviderFollowsAndStopsARelease) {
  std::ofstream(school_.directory() + "/file") << "rules";
  BundleShelf& shelf = school_.bundles();
  ASSERT_TRUE(shelf.Place(school_.directory() + "/file", 1, "").ok());
  std::ofstream(school_.directory() + "/file") << "new rules";
  Rollout rollout;
  rollout.bundle = *shelf.Lay(school_.directory() + "/file", 2, "");
  rollout.canary = "D-1";
  ASSERT_TRUE(shelf.SaveRollout(rollout, "").ok());
  TestBrowser browser = LoggedIn("it");
  auto rules = TestBrowser::Json(browser.Get("/api/v1/rules"))["rules"];
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0]["current"], 1);
  EXPECT_EQ(rules[0]["rollout"]["ring"], "one device");
  EXPECT_EQ(browser.Post("/api/v1/rules", {{"action", "burn"}}).status, 400);
  const Response paused = browser.Post(
      "/api/v1/rules", {{"action", "pause"}, {"why", "a question"}});
  EXPECT_EQ(paused.status, 200) << paused.body;
  EXPECT_TRUE(shelf.RolloutOf("")->paused);
  EXPECT_EQ(shelf.RolloutOf("")->why, "a question");
  EXPECT_EQ(browser.Post("/api/v1/rules", {{"action", "roll_back"}}).status,
            409)
      << "there is no fallback";
  EXPECT_EQ(browser.Post("/api/v1/rules", {{"action", "go_on"}}).status, 200);
  EXPECT_FALSE(shelf.RolloutOf("")->paused);
  // Somebody who looks after one school does not stop everybody's rules.
  school_.AddAccount("one-school", Role::kItProvider, "oakfield");
  EXPECT_EQ(LoggedIn("one-school")
                .Post("/api/v1/rules", {{"action", "pause"}})
                .status,
            403);
}

}  // namespace
}  // namespace schoolgate::collector
