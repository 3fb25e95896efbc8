// Who else was there, told to nobody who may not know of them.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

class RelatedTest : public testing::Test {
 protected:
  RelatedTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {
    school_.AddAccount("second", Role::kSecondSenior, "oakfield", "P-SECOND");
  }

  uint64_t Alert(const std::string& person, const std::string& group = "ks2",
                 const std::string& school = "oakfield",
                 v1::Severity severity = v1::SEVERITY_RULE_BREAK) {
    const uint64_t id = school_.AddAlert(person, severity, school);
    const absl::Time now = school_.clock().Now();
    EXPECT_TRUE(school_.stores()
                    .alerts
                    .Update(id,
                            [&](v1::Alert* alert) {
                              alert->set_group(group);
                              alert->set_first_unix_us(absl::ToUnixMicros(now));
                              alert->set_last_unix_us(absl::ToUnixMicros(now));
                              auto* line = alert->mutable_evidence(0);
                              line->set_time_unix_us(absl::ToUnixMicros(now));
                              line->set_device(absl::StrCat("D-", person));
                              return absl::OkStatus();
                            })
                    .ok());
    return id;
  }

  void Contact(const std::string& person, const std::string& group,
               const std::string& school = "oakfield") {
    StoredEvent event;
    event.school = school;
    event.device = absl::StrCat("D-", person, school);
    event.epoch = 1;
    event.received = event.happened = school_.clock().Now();
    event.event.set_sequence(++sequence_);
    event.event.mutable_person()->set_group(group);
    event.event.mutable_person()->set_pseudonym(person);
    event.event.mutable_contact()->set_host("bets.example.test");
    ASSERT_TRUE(school_.stores().events->Append({event}).ok());
  }

  Response Look(const std::string& name, uint64_t id) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(name).status, 200);
    return browser.Get(absl::StrCat("/api/v1/alerts/", id, "/related"));
  }

  TestSchool school_;
  Api api_;
  uint64_t sequence_ = 0;
};

// A lead would learn from a count that the head, or a colleague, was there.
TEST_F(RelatedTest, CountsOnlyThoseWhomTheReaderMaySee) {
  const uint64_t id = Alert("P-000001");
  Contact("P-000002", "ks2");
  Contact("P-000003", "staff");
  Contact("P-000004", "ks2", "elmfield");
  Contact("P-SECOND", "ks2");
  const auto devices = [&](const std::string& name) {
    const json shown = TestBrowser::Json(Look(name, id));
    return shown["hosts"].empty() ? json(0) : shown["hosts"][0]["devices"];
  };
  EXPECT_EQ(devices("lead"), 2);
  EXPECT_EQ(devices("head"), 3);
  EXPECT_EQ(devices("second"), 1) << "of themselves nobody learns anything";
  EXPECT_EQ(Look("lead", id).body.find("P-00000"), std::string::npos);
}

TEST_F(RelatedTest, ShowsAlertsAtTheSameTimeThatTheReaderMaySee) {
  const uint64_t id = Alert("P-000001"), pupil = Alert("P-000002");
  Alert("P-000003", "staff");
  Alert("P-000004", "ks2", "elmfield");
  Alert("P-000005", "ks2", "oakfield", v1::SEVERITY_ILLEGAL);
  const json shown = TestBrowser::Json(Look("lead", id))["alerts"];
  ASSERT_EQ(shown.size(), 1u) << shown;
  EXPECT_EQ(shown[0]["id"], pupil);
  EXPECT_EQ(TestBrowser::Json(Look("head", id))["alerts"].size(), 2u);
}

TEST_F(RelatedTest, NobodyAsksAboutWhatTheyMayNotSee) {
  const uint64_t staff = Alert("P-000003", "staff");
  const uint64_t elsewhere = Alert("P-000004", "ks2", "elmfield");
  EXPECT_EQ(Look("lead", staff).status, 404);
  EXPECT_EQ(Look("lead", elsewhere).status, 404);
  EXPECT_EQ(Look("governor", staff).status, 403);
}

}  // namespace
}  // namespace schoolgate::collector
