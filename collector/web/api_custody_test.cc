#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "collector/cases/custody.h"
#include "collector/cases/hold.h"
#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

class CustodyApiTest : public testing::Test {
 protected:
  CustodyApiTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {}

  TestBrowser LoggedIn(const std::string& name) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(name).status, 200) << name;
    return browser;
  }

  // An alert with one stored event behind it, closed if asked.
  uint64_t AddCase(v1::Severity severity) {
    const uint64_t id = school_.AddAlert("P-000001", severity);
    const absl::Time now = school_.clock().Now();
    StoredEvent stored;
    stored.school = "oakfield";
    stored.device = "D-00000001";
    stored.epoch = 3;
    stored.received = stored.happened = now;
    stored.event.set_sequence(41);
    stored.event.mutable_person()->set_pseudonym("P-000001");
    stored.event.mutable_contact()->set_host("bets.example.test");
    stored.event.mutable_contact()->set_sealed_host("for the police");
    StoredEvent other = stored;
    other.event.set_sequence(42);
    other.event.mutable_contact()->set_host("other.example.test");
    EXPECT_TRUE(school_.stores().events->Append({stored, other}).ok());
    EXPECT_TRUE(school_.stores()
                    .alerts
                    .Update(id,
                            [&](v1::Alert* alert) {
                              alert->set_device("D-00000001");
                              alert->set_first_unix_us(absl::ToUnixMicros(now));
                              alert->set_last_unix_us(absl::ToUnixMicros(now));
                              alert->mutable_evidence(0)->set_epoch(3);
                              alert->mutable_evidence(0)->set_sequence(41);
                              return absl::OkStatus();
                            })
                    .ok());
    return id;
  }

  // What the hourly erasing does, a year later.
  void EraseOld() {
    const Stores stores = school_.stores();
    const absl::Time later = school_.clock().Now() + absl::Hours(24 * 400);
    ASSERT_TRUE(
        KeepHeldEvents(stores.alerts, *stores.events, *stores.held).ok());
    ASSERT_TRUE(stores.events->Expire(later, absl::Hours(24)).ok());
    ASSERT_TRUE(stores.alerts.Expire(later, absl::Hours(24), "").ok());
  }

  static size_t Kinds(const std::string& pack, const std::string& kind) {
    size_t count = 0;
    for (absl::string_view line : absl::StrSplit(pack, '\n')) {
      if (line.size() < 66) continue;
      const auto record =
          nlohmann::json::parse(line.substr(65), nullptr, false);
      count += record.is_object() && record["kind"] == kind;
    }
    return count;
  }

  TestSchool school_;
  Api api_;
};

// A case that a court asked for would be erased by the clock.
TEST_F(CustodyApiTest, WhatIsHeldOutlivesItsTimeWithTheEventsBehindIt) {
  const uint64_t held = AddCase(v1::SEVERITY_SERIOUS);
  const uint64_t free = school_.AddAlert("P-000002", v1::SEVERITY_SERIOUS);
  TestBrowser lead = LoggedIn("lead");
  const auto path = [](uint64_t id, const char* call) {
    return absl::StrCat("/api/v1/alerts/", id, call);
  };
  EXPECT_EQ(lead.Post(path(held, "/hold"), {{"hold", true}}).status, 400);
  EXPECT_EQ(
      lead.Post(path(held, "/hold"), {{"hold", true}, {"reason", "Court"}})
          .status,
      200);
  for (uint64_t id : {held, free}) {
    EXPECT_EQ(lead.Post(path(id, "/state"),
                        {{"state", "closed"}, {"outcome", "false_alarm"}})
                  .status,
              200);
  }
  EraseOld();
  EXPECT_EQ(lead.Get(path(free, "")).status, 404);
  EXPECT_EQ(TestBrowser::Json(lead.Get(path(held, "")))["hold"]["reason"],
            "Court");
  const Response pack = lead.Post(path(held, "/pack"));
  ASSERT_EQ(pack.status, 200);
  EXPECT_EQ(Kinds(pack.body, "event"), 1u);
  EXPECT_NE(pack.body.find("bets.example.test"), std::string::npos);
  EXPECT_EQ(pack.body.find("other.example.test"), std::string::npos);
}

TEST_F(CustodyApiTest, AHoldIsLiftedBySomebodyElse) {
  const uint64_t id = AddCase(v1::SEVERITY_SERIOUS);
  const std::string path = absl::StrCat("/api/v1/alerts/", id, "/hold");
  TestBrowser lead = LoggedIn("lead");
  TestBrowser deputy = LoggedIn("deputy");
  const nlohmann::json on = {{"hold", true}, {"reason", "Police asked"}};
  const nlohmann::json off = {{"hold", false}, {"reason", "Case over"}};
  EXPECT_EQ(lead.Post(path, off).status, 409);
  EXPECT_EQ(lead.Post(path, on).status, 200);
  EXPECT_EQ(deputy.Post(path, on).status, 409);
  EXPECT_EQ(lead.Post(path, off).status, 409);
  EXPECT_TRUE(school_.stores().alerts.Get(id)->has_hold());
  EXPECT_EQ(deputy.Post(path, off).status, 200);
  EXPECT_FALSE(school_.stores().alerts.Get(id)->has_hold());
  EXPECT_TRUE(school_.stores().held->Of(id)->empty());
}

TEST_F(CustodyApiTest, APackIsWholeOursAndOnRecord) {
  const uint64_t id = AddCase(v1::SEVERITY_SERIOUS);
  TestBrowser lead = LoggedIn("lead");
  const std::string path = absl::StrCat("/api/v1/alerts/", id);
  EXPECT_EQ(lead.Get(path).status, 200);
  const Response pack = lead.Post(path + "/pack");
  ASSERT_EQ(pack.status, 200);
  const auto facts = VerifyCustodyPack(
      pack.body, seal::ToHex(school_.stores().custody->public_key()));
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->first["alert"], id);
  EXPECT_EQ(facts->first["made_by"], "The lead");
  EXPECT_EQ(Kinds(pack.body, "alert"), 1u);
  EXPECT_EQ(Kinds(pack.body, "audit"), 1u);  // that it was looked at
  const AuditEntry last = school_.Audit().back();
  EXPECT_EQ(last.action, "export_pack");
  EXPECT_EQ(last.detail, facts->hash);
}

// Illegal material: the pack goes through many hands before it is opened.
TEST_F(CustodyApiTest, APackOfIllegalMaterialNamesNoHost) {
  const uint64_t id = AddCase(v1::SEVERITY_ILLEGAL);
  TestBrowser head = LoggedIn("head");
  const Response pack = head.Post(absl::StrCat("/api/v1/alerts/", id, "/pack"));
  ASSERT_EQ(pack.status, 200);
  EXPECT_EQ(pack.body.find("bets.example"), std::string::npos) << pack.body;
  EXPECT_EQ(Kinds(pack.body, "event"), 1u);
  EXPECT_NE(pack.body.find("sealed_host"), std::string::npos);
}

TEST_F(CustodyApiTest, NobodyHoldsOrExportsWhatIsAboutThem) {
  school_.AddAccount("head", Role::kHead, "oakfield", "P-000001");
  const uint64_t id = AddCase(v1::SEVERITY_SERIOUS);
  TestBrowser head = LoggedIn("head");
  const std::string path = absl::StrCat("/api/v1/alerts/", id);
  EXPECT_EQ(head.Post(path + "/pack").status, 404);
  EXPECT_EQ(head.Post(path + "/hold", {{"hold", true}, {"reason", "x"}}).status,
            404);
}

}  // namespace
}  // namespace schoolgate::collector
