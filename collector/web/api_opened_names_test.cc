// Whoever's name was opened and never hears of it cannot say that it was wrong.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "collector/web/test_school.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

const std::string kSealedShare(162, 'a');

class OpenedNamesTest : public testing::Test {
 protected:
  OpenedNamesTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {
    school_.AddAccount("teacher", Role::kGovernor, "oakfield", "P-TEACH1");
    alert_ = AlertAbout("P-TEACH1");
  }

  uint64_t AlertAbout(const std::string& alias) {
    school_.SealLogin(alias, key_);
    return school_.AddAlert(alias, v1::SEVERITY_SERIOUS);
  }

  TestBrowser LoggedIn(const std::string& name) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(name).status, 200) << name;
    return browser;
  }

  Response Ask(TestBrowser& browser, uint64_t alert, int days,
               const std::string& why) {
    return browser.Post(
        absl::StrCat("/api/v1/alerts/", alert, "/name"),
        {{"reason", "to talk with the family"},
         {"key", seal::ToHex(seal::BoxKey::Generate().public_key())},
         {"tell_after_days", days},
         {"tell_later_reason", why}});
  }

  void Open(uint64_t alert, int days = 0, const std::string& why = "") {
    TestBrowser lead = LoggedIn("lead"), head = LoggedIn("head");
    const Response asked = Ask(lead, alert, days, why);
    ASSERT_EQ(asked.status, 200) << asked.body;
    const std::string path =
        absl::StrCat("/api/v1/names/", TestBrowser::Json(asked)["id"].dump());
    // What the second one agrees to includes when the person is told.
    const json seen =
        TestBrowser::Json(head.Get("/api/v1/names"))["requests"].back();
    EXPECT_EQ(seen["tell_after_days"], days);
    EXPECT_EQ(seen["tell_later_reason"], why);
    ASSERT_EQ(
        head.Post(path + "/approve", {{"sealed_share", kSealedShare}}).status,
        200);
    ASSERT_EQ(lead.Post(path + "/open").status, 200);
  }

  json OnOwnRecord() {
    TestBrowser teacher = LoggedIn("teacher");
    return TestBrowser::Json(teacher.Get("/api/v1/my-record"))["names_opened"];
  }
  json ToTell(TestBrowser& browser) {
    return TestBrowser::Json(browser.Get("/api/v1/names"))["to_tell"];
  }

  TestSchool school_;
  Api api_;
  const seal::BoxKey key_ = seal::BoxKey::Generate();
  uint64_t alert_ = 0;
};

TEST_F(OpenedNamesTest, ThePersonReadsItOnTheirOwnRecordAtOnce) {
  EXPECT_TRUE(OnOwnRecord().empty());
  Open(alert_);
  TestBrowser lead = LoggedIn("lead");
  ASSERT_EQ(ToTell(lead).size(), 1u);
  EXPECT_EQ(ToTell(lead)[0]["on_their_record"], true);
  EXPECT_EQ(ToTell(lead)[0]["told"], "");
  const json told = OnOwnRecord();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0]["by"], (json{"The lead", "The head"}));
  EXPECT_FALSE(told[0].contains("alert"));
  EXPECT_NE(ToTell(lead)[0]["told"], "");
  EXPECT_EQ(OnOwnRecord().size(), 1u) << "it stays to be read again";
}

TEST_F(OpenedNamesTest, TwoPeopleMayAgreeToWaitWithAReasonAndAnEnd) {
  TestBrowser lead = LoggedIn("lead");
  EXPECT_EQ(Ask(lead, alert_, 30, "").status, 400);
  EXPECT_EQ(Ask(lead, alert_, 91, "the police ask us to wait").status, 400);
  EXPECT_EQ(Ask(lead, alert_, -1, "the police ask us to wait").status, 400);
  Open(alert_, 30, "the police ask us to wait");
  EXPECT_TRUE(OnOwnRecord().empty());
  TestBrowser again = LoggedIn("lead");
  const json waiting = ToTell(again)[0];
  EXPECT_EQ(waiting["due"], false);
  EXPECT_EQ(again
                .Post(absl::StrCat("/api/v1/names/", waiting["number"].dump(),
                                   "/told"))
                .status,
            409);
  school_.clock().Advance(absl::Hours(24 * 30 + 1));
  EXPECT_EQ(OnOwnRecord().size(), 1u);
}

// Most people whose names are opened are pupils, who have no account.
TEST_F(OpenedNamesTest, WhoHasNoAccountIsToldByAPersonWhoSaysSo) {
  const uint64_t pupil = AlertAbout("P-PUPIL1");
  Open(pupil);
  TestBrowser deputy = LoggedIn("deputy"), governor = LoggedIn("governor");
  const json one = ToTell(deputy)[0];
  EXPECT_EQ(one["on_their_record"], false);
  EXPECT_EQ(one["due"], true);
  const std::string path =
      absl::StrCat("/api/v1/names/", one["number"].dump(), "/told");
  EXPECT_EQ(governor.Post(path).status, 403);
  school_.AddAccount("elm-lead", Role::kSafetyLead, "elmfield");
  EXPECT_EQ(LoggedIn("elm-lead").Post(path).status, 404);
  ASSERT_EQ(deputy.Post(path).status, 200);
  EXPECT_EQ(deputy.Post(path).status, 409);
  EXPECT_EQ(ToTell(deputy)[0]["told_by"], "The deputy");
  EXPECT_EQ(school_.Audit().back().action, "view_names");
  bool on_record = false;
  for (const AuditEntry& entry : school_.Audit()) {
    on_record =
        on_record || (entry.action == "told_name" && entry.who == "deputy");
  }
  EXPECT_TRUE(on_record);
}

}  // namespace
}  // namespace schoolgate::collector
