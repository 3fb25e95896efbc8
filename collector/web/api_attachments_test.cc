// Files of a case: who may, what may, and that they are handed out safely.
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/cases/custody.h"
#include "collector/store/sqlite.h"
#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

const std::string kPng("\x89PNG\r\n\x1a\nthe picture", 19);

class AttachmentsTest : public testing::Test {
 protected:
  AttachmentsTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{}, school_.clock()),
        alert_(school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS)) {}

  TestBrowser As(const std::string& name) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(name).status, 200) << name;
    return browser;
  }

  Response Attach(TestBrowser& browser, uint64_t alert, const std::string& name,
                  const std::string& bytes) {
    return browser.Post(
        absl::StrCat("/api/v1/alerts/", alert, "/attachments"),
        {{"name", name}, {"base64", absl::Base64Escape(bytes)}});
  }

  // The number of the file that was added last.
  static uint64_t Last(const Response& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    return TestBrowser::Json(response)["attachments"].back()["id"];
  }

  static std::string Header(const Response& response, const char* name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }

  static std::string Path(uint64_t id, const char* more = "") {
    return absl::StrCat("/api/v1/attachments/", id, more);
  }

  TestSchool school_;
  Api api_;
  uint64_t alert_;
};

TEST_F(AttachmentsTest, WhatIsAddedIsHandedOutAsAFileAndNothingElse) {
  TestBrowser lead = As("lead"), head = As("head");
  const uint64_t id = Last(Attach(lead, alert_, "shot.html", kPng));
  const Response got = head.Get(Path(id));
  ASSERT_EQ(got.status, 200);
  EXPECT_EQ(got.body, kPng);
  EXPECT_EQ(got.type, "image/png");
  EXPECT_EQ(Header(got, "Content-Disposition"),
            "attachment; filename=\"shot.png\"");
  EXPECT_TRUE(
      absl::StrContains(Header(got, "Content-Security-Policy"), "sandbox"));
  const json shown = TestBrowser::Json(
      head.Get(absl::StrCat("/api/v1/alerts/", alert_)))["attachments"];
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown[0]["name"], "shot.png");
  EXPECT_EQ(shown[0]["added_by"], "The lead");
}

TEST_F(AttachmentsTest, NothingIsAttachedToACaseOfIllegalMaterial) {
  const uint64_t locked = school_.AddAlert("P-000002", v1::SEVERITY_ILLEGAL);
  TestBrowser lead = As("lead");
  const Response refused = Attach(lead, locked, "shot.png", kPng);
  EXPECT_EQ(refused.status, 409);
  EXPECT_TRUE(absl::StrContains(refused.body, "offence"));
  EXPECT_TRUE(school_.stores().attachments->Of(locked)->empty());
}

TEST_F(AttachmentsTest, ACaseThatBecomesIllegalHandsOutNothingAnyMore) {
  TestBrowser lead = As("lead");
  const uint64_t id = Last(Attach(lead, alert_, "a.png", kPng));
  auto alert = school_.stores().alerts.Get(alert_).value();
  alert.set_severity(v1::SEVERITY_ILLEGAL);
  ASSERT_TRUE(school_.stores().alerts.Put(alert).ok());
  // Whoever handles such cases.
  TestBrowser head = As("head");
  const Response refused = head.Get(Path(id));
  EXPECT_EQ(refused.status, 409);
  EXPECT_TRUE(absl::StrContains(refused.body, "offence"));
  const Response pack =
      head.Post(absl::StrCat("/api/v1/alerts/", alert_, "/pack"));
  ASSERT_EQ(pack.status, 200);
  EXPECT_TRUE(absl::StrContains(pack.body, "\"kind\":\"attachment\""));
  EXPECT_FALSE(absl::StrContains(pack.body, absl::Base64Escape(kPng)));
}

TEST_F(AttachmentsTest, OnlyKindsThatCannotRunAndWithinLimits) {
  TestBrowser lead = As("lead");
  EXPECT_EQ(Attach(lead, alert_, "a.png", "<script>alert(1)</script>").status,
            415);
  EXPECT_EQ(Attach(lead, alert_, "a.pdf", "MZ\x90 program").status, 415);
  EXPECT_EQ(Attach(lead, alert_, "a.png", "").status, 400);
  EXPECT_EQ(lead.Post(absl::StrCat("/api/v1/alerts/", alert_, "/attachments"),
                      {{"name", "x"}, {"base64", "%%%"}})
                .status,
            400);
  EXPECT_EQ(
      Attach(lead, alert_, "a.png", kPng + std::string(5 << 20, 'x')).status,
      413);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Attach(lead, alert_, "a.png", kPng).status, 200);
    school_.clock().Advance(absl::Seconds(1));
  }
  EXPECT_EQ(Attach(lead, alert_, "a.png", kPng).status, 409);
}

TEST_F(AttachmentsTest, WhoReadsTheStoreReadsNoFile) {
  TestBrowser lead = As("lead");
  Last(Attach(lead, alert_, "patel.png", kPng));
  auto file = Database::Open(school_.directory() + "/cases.sqlite").value();
  auto rows = file->Prepare("SELECT name || sealed FROM attachment").value();
  ASSERT_TRUE(rows.Step().value());
  EXPECT_FALSE(absl::StrContains(rows.Bytes(0), "picture"));
  EXPECT_FALSE(absl::StrContains(rows.Bytes(0), "patel"));
}

TEST_F(AttachmentsTest, WhoDoesNotSeeTheCaseDoesNotSeeItsFiles) {
  school_.AddAccount("far", Role::kSafetyLead, "elmwood");
  school_.AddAccount("subject", Role::kDeputy, "oakfield", "P-000001");
  TestBrowser lead = As("lead");
  const uint64_t id = Last(Attach(lead, alert_, "a.png", kPng));
  for (const char* name : {"far", "subject"}) {
    TestBrowser other = As(name);
    const Response hidden = other.Get(Path(id));
    const Response nowhere = other.Get(Path(12345));
    EXPECT_EQ(hidden.status, 404) << name;
    EXPECT_EQ(hidden.body, nowhere.body) << name;
    EXPECT_EQ(other.Post(Path(id, "/remove"), {{"reason", "because"}}).status,
              404);
    EXPECT_EQ(Attach(other, alert_, "b.png", kPng).status, 404);
  }
  for (const char* name : {"governor", "dpo", "it"}) {
    TestBrowser other = As(name);
    EXPECT_EQ(other.Get(Path(id)).status, 403) << name;
  }
}

TEST_F(AttachmentsTest, RemovingTakesAReasonAndNoHold) {
  TestBrowser lead = As("lead"), head = As("head");
  const uint64_t id = Last(Attach(lead, alert_, "a.png", kPng));
  EXPECT_EQ(lead.Post(Path(id, "/remove")).status, 400);
  const std::string hold = absl::StrCat("/api/v1/alerts/", alert_, "/hold");
  lead.Post(hold, {{"hold", true}, {"reason", "the police"}});
  const json reason = {{"reason", "the wrong file"}};
  EXPECT_EQ(head.Post(Path(id, "/remove"), reason).status, 409);
  head.Post(hold, {{"hold", false}, {"reason", "over"}});
  EXPECT_EQ(head.Post(Path(id, "/remove"), reason).status, 200);
  EXPECT_EQ(head.Get(Path(id)).status, 404);
  std::vector<std::string> steps;
  for (const AuditEntry& entry : school_.Audit()) {
    if (absl::StrContains(entry.action, "attach")) {
      steps.push_back(entry.who + " " + entry.action);
    }
  }
  EXPECT_EQ(steps, (std::vector<std::string>{"lead attach",
                                             "head remove_attachment"}));
}

TEST_F(AttachmentsTest, AChangedFileIsNotHandedOut) {
  TestBrowser lead = As("lead");
  const uint64_t id = Last(Attach(lead, alert_, "a.png", kPng));
  auto file = Database::Open(school_.directory() + "/cases.sqlite").value();
  ASSERT_TRUE(
      file->Execute("UPDATE attachment SET sealed=substr(sealed,2)").ok());
  EXPECT_EQ(lead.Get(Path(id)).status, 503);
}

TEST_F(AttachmentsTest, ThePackHoldsThemAndTheirHashes) {
  TestBrowser lead = As("lead");
  Last(Attach(lead, alert_, "a.png", kPng));
  const Response pack =
      lead.Post(absl::StrCat("/api/v1/alerts/", alert_, "/pack"));
  ASSERT_EQ(pack.status, 200);
  ASSERT_TRUE(VerifyCustodyPack(pack.body, "").ok());
  EXPECT_TRUE(absl::StrContains(pack.body, absl::Base64Escape(kPng)));
  EXPECT_TRUE(absl::StrContains(pack.body, "\"kind\":\"attachment\""));
}

TEST_F(AttachmentsTest, TheyGoWithTheirCase) {
  TestBrowser lead = As("lead");
  Last(Attach(lead, alert_, "a.png", kPng));
  EXPECT_EQ(school_.stores().attachments->DropOrphans().value(), 0u);
  auto alert = school_.stores().alerts.Get(alert_).value();
  alert.set_state(v1::ALERT_STATE_CLOSED);
  ASSERT_TRUE(school_.stores().alerts.Put(alert).ok());
  school_.stores()
      .alerts
      .Expire(school_.clock().Now() + absl::Hours(24), absl::Hours(1), "")
      .IgnoreError();
  EXPECT_EQ(school_.stores().attachments->DropOrphans().value(), 1u);
}

TEST_F(AttachmentsTest, OnlyWhoIsLoggedInMaySendMuch) {
  Request request;
  request.method = "POST";
  request.path = absl::StrCat("/api/v1/alerts/", alert_, "/attachments");
  EXPECT_EQ(api_.BodyLimit(request), 64u << 10);
  TestBrowser lead = As("lead");
  request.headers["cookie"] = lead.cookie;
  EXPECT_GT(api_.BodyLimit(request), 5u << 20);
  request.headers["content-length"] = "7000000";
  EXPECT_FALSE(api_.RefusesBody(request));
  request.headers["cookie"] = As("governor").cookie;
  EXPECT_EQ(api_.BodyLimit(request), 64u << 10);
  EXPECT_TRUE(api_.RefusesBody(request));
  request.headers["content-length"] = "600";
  EXPECT_FALSE(api_.RefusesBody(request)) << "the usual way, and on record";
  request.headers["cookie"] = lead.cookie;
  request.path = absl::StrCat("/api/v1/alerts/", alert_, "/notes");
  EXPECT_EQ(api_.BodyLimit(request), 64u << 10);
}

}  // namespace
}  // namespace schoolgate::collector
