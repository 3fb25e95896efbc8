#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cases/custody.h"
#include "collector/store/device_owners.h"
#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;
using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

class Reviews : public testing::Test {
 protected:
  Reviews()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {}

  TestBrowser LoggedIn(const std::string& name) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(name).status, 200) << name;
    return browser;
  }

  json Read(const std::string& name, const std::string& path) {
    TestBrowser browser = LoggedIn(name);
    const Response response = browser.Get(path);
    EXPECT_EQ(response.status, 200) << path << " " << response.body;
    return TestBrowser::Json(response);
  }

  static bool Due(const json& page, const std::string& kind) {
    for (const json& one : page["due"]) {
      if (one["kind"] == kind) return one["due"];
    }
    ADD_FAILURE() << kind;
    return false;
  }

  // Closed a while after it was raised.
  void Close(uint64_t id, const char* outcome, absl::Duration after) {
    EXPECT_TRUE(school_.stores()
                    .alerts
                    .Update(id,
                            [&](v1::Alert* alert) {
                              alert->set_state(v1::ALERT_STATE_CLOSED);
                              v1::IncidentEntry* log =
                                  alert->mutable_incident();
                              log->set_outcome(outcome);
                              log->set_recorded_unix_us(
                                  alert->raised_unix_us() +
                                  absl::ToInt64Microseconds(after));
                              return absl::OkStatus();
                            })
                    .ok());
  }

  void Enrol(const std::string& name, const std::string& school,
             absl::Duration silent, const std::string& number = "") {
    Device device;
    device.id = absl::StrCat("D-", name);
    device.school = school;
    device.hostname = name;
    device.inventory_number = number;
    device.last_contact = device.heartbeat_time =
        school_.clock().Now() - silent;
    device.heartbeat.set_agent_version("0.1.0");
    device.heartbeat.set_bundle_version(17);
    device.heartbeat.set_capturing(true);
    device.heartbeat.set_enforcing(true);
    device.heartbeat.set_mode("enforce");
    EXPECT_TRUE(school_.stores().devices.Put(device).ok());
  }

  static const json* Table(const json& tables, const std::string& title) {
    for (const json& one : tables) {
      if (one["title"] == title) return &one;
    }
    return nullptr;
  }

  TestSchool school_;
  Api api_;
};

constexpr char kMinutes[] = "We looked at two false alarms about games.";

// Nobody would notice that the yearly review is over its time.
TEST_F(Reviews, WhatIsDueIsSaidUntilItIsDone) {
  TestBrowser lead = LoggedIn("lead");
  EXPECT_EQ(TestBrowser::Json(lead.Get("/api/v1/session"))["reviews_due"], 3);
  json page = Read("lead", "/api/v1/reviews");
  for (const char* kind : {"meeting", "policy", "provision"}) {
    EXPECT_TRUE(Due(page, kind)) << kind;
  }
  for (const char* kind : {"meeting", "policy", "provision"}) {
    ASSERT_EQ(lead.Post("/api/v1/reviews", {{"kind", kind},
                                            {"present", "lead, IT"},
                                            {"words", kMinutes}})
                  .status,
              200);
  }
  // The yearly one counts when a second person has signed it.
  EXPECT_EQ(TestBrowser::Json(lead.Get("/api/v1/session"))["reviews_due"], 1);
  page = Read("lead", "/api/v1/reviews");
  EXPECT_FALSE(Due(page, "meeting"));
  EXPECT_TRUE(Due(page, "provision"));
  school_.clock().Advance(absl::Hours(24 * 43));
  page = Read("lead", "/api/v1/reviews");
  EXPECT_TRUE(Due(page, "meeting"));
  EXPECT_FALSE(Due(page, "policy"));
  school_.clock().Advance(absl::Hours(24 * 330));
  EXPECT_TRUE(Due(Read("lead", "/api/v1/reviews"), "policy"));
  // Nobody is reminded of what their role cannot do.
  EXPECT_EQ(Read("governor", "/api/v1/session")["reviews_due"], 0);
}

// A serious incident, or laptops that fell silent, call for it before its time.
TEST_F(Reviews, WhatHappenedCallsForTheNextOne) {
  EXPECT_TRUE(Read("lead", "/api/v1/reviews")["reasons"].empty());
  Close(school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS), "handled",
        absl::Hours(1));
  Close(school_.AddAlert("P-000002", v1::SEVERITY_SERIOUS), "false_alarm",
        absl::Hours(1));
  for (int i = 0; i < 9; ++i) {
    Enrol(absl::StrCat("laptop-", i), "oakfield",
          absl::Hours(i < 2 ? 24 * 60 : 0));
  }
  const json reasons = Read("lead", "/api/v1/reviews")["reasons"];
  ASSERT_EQ(reasons.size(), 2u) << reasons;
  EXPECT_EQ(reasons[0], "1 serious incident was confirmed.");
  EXPECT_EQ(reasons[1], "2 of 9 devices are not protected as they should be.");
  EXPECT_TRUE(Read("it", "/api/v1/reviews?school=oakfield")["reasons"].empty());
}

// Minutes that can be written anew, or without what was looked at, say nothing.
TEST_F(Reviews, AMeetingKeepsWhatWasLookedAt) {
  Close(school_.AddAlert("P-000001", v1::SEVERITY_RULE_BREAK), "false_alarm",
        absl::Hours(3));
  school_.AddAlert("P-000002", v1::SEVERITY_ILLEGAL);
  TestBrowser lead = LoggedIn("lead");
  EXPECT_EQ(
      lead.Post("/api/v1/reviews",
                {{"kind", "meeting"}, {"present", "lead"}, {"words", "short"}})
          .status,
      400);
  ASSERT_EQ(lead.Post("/api/v1/reviews", {{"kind", "meeting"},
                                          {"present", "The lead, the provider"},
                                          {"words", kMinutes},
                                          {"actions", "IT adds two hosts."}})
                .status,
            200);
  school_.AddAlert("P-000003", v1::SEVERITY_RULE_BREAK);
  const json page = Read("lead", "/api/v1/reviews");
  ASSERT_EQ(page["records"].size(), 1u);
  const json& record = page["records"][0];
  EXPECT_EQ(record["words"], kMinutes);
  EXPECT_EQ(record["actions"], "IT adds two hosts.");
  EXPECT_EQ(record["by_name"], "The lead");
  const json* then = Table(record["tables"], "Alerts since the last meeting");
  ASSERT_NE(then, nullptr);
  EXPECT_EQ((*then)["rows"], json(Rows{{"Rule break", "1", "1", "0", "0"}}));
  const json* right = Table(record["tables"], "How often alerts were right");
  ASSERT_NE(right, nullptr);
  EXPECT_EQ((*right)["rows"][0][3], "1");
  const json* soon = Table(record["tables"], "How soon they were closed");
  EXPECT_EQ((*soon)["rows"][0][3], "3 hours");
  EXPECT_EQ(school_.Audit().back().action, "view_reviews");
}

// The provider works with these pages and learns of devices and rules, not of
// pupils; another school sees none of it.
TEST_F(Reviews, TheProviderReadsNoFiguresAboutPeople) {
  school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  school_.AddAlert("D-laptop", v1::SEVERITY_ROUTINE, "oakfield",
                   "silent_device");
  TestBrowser lead = LoggedIn("lead");
  ASSERT_EQ(lead.Post("/api/v1/reviews", {{"kind", "meeting"},
                                          {"present", "lead, IT"},
                                          {"words", kMinutes}})
                .status,
            200);
  for (const char* reader : {"it", "governor"}) {
    const json page = Read(reader, "/api/v1/reviews?school=oakfield");
    for (const json* tables :
         {&page["tables"], &page["records"][0]["tables"]}) {
      EXPECT_NE(Table(*tables, "Devices now"), nullptr) << reader;
      EXPECT_EQ(Table(*tables, "Alerts since the last meeting"), nullptr);
      EXPECT_EQ(Table(*tables, "How often alerts were right"), nullptr);
      EXPECT_EQ(Table(*tables, "How soon they were closed"), nullptr);
    }
    EXPECT_EQ(page["records"][0]["words"], kMinutes);
    EXPECT_FALSE(page["may_write"]);
  }
  school_.AddAccount("elm", Role::kSafetyLead, "elmfield");
  EXPECT_TRUE(Read("elm", "/api/v1/reviews")["records"].empty());
  TestBrowser it = LoggedIn("it");
  EXPECT_EQ(it.Get("/api/v1/reviews").status, 400);
  EXPECT_EQ(it.Get("/api/v1/reviews?school=elmfield").status, 200);
  EXPECT_EQ(it.Get("/api/v1/reviews?school=nowhere").status, 400);
  const json elm = Read("elm", "/api/v1/reviews?school=oakfield");
  EXPECT_EQ(elm["school"], "elmfield");
}

// A record that one person alone signs, or that can be changed afterwards,
// proves nothing.
TEST_F(Reviews, TheYearlyReviewIsSignedByTwoAndCanBeChecked) {
  TestBrowser lead = LoggedIn("lead");
  const Response written = lead.Post(
      "/api/v1/reviews",
      {{"kind", "provision"}, {"present", "lead, head"}, {"words", kMinutes}});
  ASSERT_EQ(written.status, 200) << written.body;
  const std::string id = TestBrowser::Json(written)["records"][0]["id"];
  const std::string file = absl::StrCat("/api/v1/reviews/signed?id=", id);
  EXPECT_EQ(lead.Get(file).status, 404);
  EXPECT_EQ(lead.Post("/api/v1/reviews/sign", {{"id", id}}).status, 409);
  EXPECT_EQ(lead.Post("/api/v1/reviews/sign", {{"id", "provision/no"}}).status,
            404);
  EXPECT_EQ(lead.Post("/api/v1/reviews/sign", {{"id", "meeting/x"}}).status,
            404);
  TestBrowser head = LoggedIn("head");
  EXPECT_EQ(head.Post("/api/v1/reviews/sign", {{"id", id}}).status, 200);
  TestBrowser second = LoggedIn("second");
  EXPECT_EQ(second.Post("/api/v1/reviews/sign", {{"id", id}}).status, 409);
  const json record = Read("lead", "/api/v1/reviews")["records"][0];
  EXPECT_EQ(record["second_name"], "The head");
  const Response fetched = lead.Get(file);
  ASSERT_EQ(fetched.status, 200);
  const auto facts = VerifyCustodyPack(fetched.body, "");
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->hash, record["hash"]);
  EXPECT_EQ(facts->first["words"], kMinutes);
  EXPECT_EQ(facts->first["school"], "oakfield");
  std::string forged = fetched.body;
  const size_t at = forged.find("two false alarms");
  ASSERT_NE(at, std::string::npos);
  forged.replace(at, 3, "six");
  EXPECT_FALSE(VerifyCustodyPack(forged, "").ok());
  // Of another school: as if there were none.
  school_.AddAccount("elm", Role::kSafetyLead, "elmfield");
  TestBrowser elm = LoggedIn("elm");
  EXPECT_EQ(elm.Get(file).status, 404);
  EXPECT_EQ(elm.Post("/api/v1/reviews/sign", {{"id", id}}).status, 404);
}

std::string Month(absl::Time time) {
  return absl::FormatTime("%Y-%m", time, absl::UTCTimeZone());
}

// The provider's monthly report would count another school's devices, or hold
// what is about people.
TEST_F(Reviews, TheMonthlyReportSaysHowDevicesAre) {
  Enrol("laptop-1", "oakfield", absl::Minutes(1));
  Enrol("laptop-2", "oakfield", absl::Hours(24 * 60));
  Enrol("elm-1", "elmfield", absl::Minutes(1));
  school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  school_.AddAlert("D-laptop-2", v1::SEVERITY_ROUTINE, "oakfield",
                   "silent_device");
  EXPECT_TRUE(school_.stores()
                  .alerts
                  .Update(2,
                          [](v1::Alert* alert) {
                            alert->set_category("");
                            alert->set_title("Device not heard from");
                            return absl::OkStatus();
                          })
                  .ok());
  const std::string path = absl::StrCat("/api/v1/report?kind=devices&period=",
                                        Month(school_.clock().Now()));
  for (const char* reader : {"it", "lead", "dpo"}) {
    const json report = Read(reader, path);
    const bool sees_alerts = reader != std::string("dpo");
    EXPECT_EQ((*Table(report["tables"], "Devices now"))["rows"][0],
              json(Row{"Working", "1"}))
        << report;
    EXPECT_EQ((*Table(report["tables"], "Devices that need attention"))["rows"]
                  .size(),
              1u);
    const json& raised =
        (*Table(report["tables"], "What was raised about devices"))["rows"];
    EXPECT_EQ(raised, sees_alerts
                          ? json(Rows{{"Device not heard from", "1", "1", "1"}})
                          : json::array());
    EXPECT_FALSE(absl::StrContains(report.dump(), "P-000001"));
  }
  TestBrowser it = LoggedIn("it");
  EXPECT_EQ(it.Get(absl::StrCat("/api/v1/report?kind=leaders&period=",
                                Month(school_.clock().Now())))
                .status,
            403);
  TestBrowser governor = LoggedIn("governor");
  EXPECT_EQ(governor.Get(path).status, 403);
}

// Whether the policy works: counted from what the filter did, what people said
// of alerts, and what lessons had to ask for.
TEST_F(Reviews, TheAuditOfThePolicyCountsWhatHappened) {
  Close(school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS), "handled",
        absl::Minutes(30));
  Close(school_.AddAlert("P-000002", v1::SEVERITY_SERIOUS), "false_alarm",
        absl::Hours(60));
  const char* asked[] = {
      "asked for a.test to be opened: \"lesson pass for ks2: a.test: maths\"",
      "asked for b.test to be opened: \"homework\"",
      "asked for c.test to be blocked"};
  for (const char* words : asked) {
    const uint64_t id = school_.AddAlert("P-TEACH1", v1::SEVERITY_ROUTINE,
                                         "oakfield", "person_asks");
    EXPECT_TRUE(school_.stores()
                    .alerts
                    .Update(id,
                            [&](v1::Alert* alert) {
                              alert->mutable_evidence(0)->set_sentence(words);
                              return absl::OkStatus();
                            })
                    .ok());
    if (words == asked[0]) Close(id, "handled", absl::Hours(1));
    if (words == asked[1]) Close(id, "no_action", absl::Hours(1));
  }
  std::vector<StoredEvent> events;
  for (int i = 0; i < 5; ++i) {
    StoredEvent& one = events.emplace_back();
    one.school = "oakfield";
    one.device = "D-1";
    one.epoch = 1;
    one.received = one.happened = school_.clock().Now();
    one.event.set_sequence(static_cast<uint64_t>(i) + 1);
    one.event.mutable_contact()->set_host("bets.example.test");
    one.event.mutable_contact()->add_categories("gambling");
    one.event.mutable_contact()->set_action(i < 3 ? v1::ACTION_BLOCK
                                                  : v1::ACTION_RECORD);
    one.event.mutable_contact()->set_count(1);
  }
  ASSERT_TRUE(school_.stores().events->Append(std::move(events)).ok());
  const std::string path = absl::StrCat("/api/v1/report?kind=effect&period=",
                                        Month(school_.clock().Now()));
  const json tables = Read("lead", path)["tables"];
  EXPECT_EQ((*Table(tables, "What the filter did"))["rows"],
            json(Rows{{"Commerce", "3", "0", "2"}}));
  EXPECT_EQ((*Table(tables, "How soon they were closed"))["rows"],
            json(Rows{{"Serious", "0", "2", "3 days", "3 days"}}));
  EXPECT_EQ((*Table(tables,
                    "What people asked for, and what lessons missed"))["rows"],
            json(Rows{{"A lesson pass", "1", "1", "0", "0", "Not known"},
                      {"A host to be opened", "1", "0", "1", "0", "Not known"},
                      {"A host to be blocked: the filter missed it", "1", "0",
                       "0", "1", "Not known"}}));
  TestBrowser dpo = LoggedIn("dpo");
  EXPECT_EQ(dpo.Get(path).status, 403);
}

// A computer without Schoolgate would be taken for a protected one; and one
// school's list would be another's.
TEST_F(Reviews, TheSchoolsListIsComparedWithItsDevices) {
  Enrol("laptop-1", "oakfield", absl::Minutes(1), "OAK-1");
  Enrol("laptop-9", "oakfield", absl::Minutes(1), "OAK-9");
  TestBrowser lead = LoggedIn("lead");
  EXPECT_FALSE(
      TestBrowser::Json(lead.Get("/api/v1/inventory")).contains("lines"));
  const Response wrong =
      lead.Post("/api/v1/inventory", {{"csv", "room,price\n1,2\n"}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_TRUE(absl::StrContains(wrong.body, "Line 1"));
  EXPECT_EQ(lead.Post("/api/v1/inventory", {{"csv", 7}}).status, 400);
  ASSERT_EQ(lead.Post("/api/v1/inventory",
                      {{"csv", "Asset tag,Name\nOAK-1,x\nOAK-2,laptop-2\n"},
                       {"file", "computers.csv"}})
                .status,
            200);
  const json page = Read("it", "/api/v1/inventory?school=oakfield");
  EXPECT_EQ(page["lines"], 2);
  EXPECT_EQ(page["matched"], 1);
  EXPECT_EQ(page["missing"],
            json::array({json{{"number", "OAK-2"}, {"name", "laptop-2"}}}));
  EXPECT_EQ(page["unknown"][0]["name"], "laptop-9");
  EXPECT_EQ(page["by"], "The lead");
  school_.AddAccount("elm", Role::kSafetyLead, "elmfield");
  EXPECT_FALSE(Read("elm", "/api/v1/inventory").contains("lines"));
}

// Whose laptop it is would else be read off the page, and with it who stands
// behind an alias; and log-ins would lie in the list.
TEST_F(Reviews, TheListSaysWhoseComputersTheyAreAndNobodyReadsIt) {
  Enrol("laptop-1", "oakfield", absl::Minutes(1), "OAK-1");
  Stores stores = school_.stores();
  stores.pseudonym_of = [](const std::string& school,
                           const std::string& log_in) {
    return absl::StrCat("P-", school, log_in);
  };
  Api api(stores, NoticeFacts{}, SessionLimits{}, school_.clock());
  TestBrowser it(api);
  ASSERT_EQ(it.LogIn("it").status, 200);
  const Response answer =
      it.Post("/api/v1/inventory?school=oakfield",
              {{"csv", "Asset tag,Log-in\nOAK-1,m.jones\nOAK-2,b.smith\n"}});
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(TestBrowser::Json(answer)["given"], 2);
  const Response page = it.Get("/api/v1/devices");
  const json device = TestBrowser::Json(page)["devices"][0];
  EXPECT_EQ(device["given"]["people"], 1);
  for (const std::string& text : {answer.body, page.body}) {
    EXPECT_FALSE(absl::StrContains(text, "m.jones"));
    EXPECT_FALSE(absl::StrContains(text, "P-oak"));
  }
  for (const AuditEntry& entry : school_.Audit()) {
    EXPECT_FALSE(absl::StrContains(entry.detail, "jones"));
    EXPECT_FALSE(absl::StrContains(entry.detail, "P-oak"));
  }
  const auto owners = OwnersOf(*stores.agreements, "oakfield");
  ASSERT_TRUE(owners.ok());
  EXPECT_EQ(owners->ByKey(OwnerKeyOfNumber("OAK-1"))->aliases,
            std::vector<std::string>{"P-oakfieldm.jones"});
  // Given back.
  ASSERT_EQ(it.Post("/api/v1/inventory?school=oakfield",
                    {{"csv", "Asset tag,Log-in\nOAK-1,\n"}})
                .status,
            200);
  EXPECT_FALSE(
      TestBrowser::Json(it.Get("/api/v1/devices"))["devices"][0].contains(
          "given"));
}

}  // namespace
}  // namespace schoolgate::collector
