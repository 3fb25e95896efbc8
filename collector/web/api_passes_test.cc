// Lesson passes: what the class would miss, and publishing what was signed.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "collector/cases/alert_json.h"
#include "collector/web/test_school.h"
#include "rules/trust/example/example_school.h"
#include "rules/trust/order.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

class PassesTest : public testing::Test {
 protected:
  PassesTest() {
    const std::string file = school_.directory() + "/new.bundle";
    rules::WriteExample(file, {});
    EXPECT_TRUE(school_.bundles().Place(file, 10, "oakfield").ok());
    Stores stores = school_.stores();
    stores.publish_order = [this](const std::string& order,
                                  const std::string& school) {
      published_.emplace_back(school, order);
      return refuse_;
    };
    api_ = std::make_unique<Api>(stores, NoticeFacts{}, SessionLimits{},
                                 school_.clock());
  }

  // As `schoolgate preview pupils --ask` arrives and becomes an alert.
  uint64_t TeacherAsks() {
    v1::Alert alert;
    alert.set_school("oakfield");
    alert.set_rule("person_asks");
    alert.set_group("staff");
    alert.set_subject("P-TEACH1");
    alert.set_severity(v1::SEVERITY_ROUTINE);
    alert.set_state(v1::ALERT_STATE_NEW);
    v1::AlertEvidence* line = alert.add_evidence();
    line->set_host("www.games.test");
    line->set_sentence(
        "asked for www.games.test to be opened: \"lesson pass for pupils: "
        "www.games.test www.casino.test learn.test: fractions\"");
    return school_.stores().alerts.Put(alert)->id();
  }

  static std::string SignedPass() {
    v1::PassOrder order;
    order.set_id("example-primary");
    order.mutable_pass()->set_id("pass-1");
    order.mutable_pass()->add_hosts("www.games.test");
    v1::SignedOrder made;
    made.set_kind(v1::ORDER_KIND_PASS);
    made.set_order(order.SerializeAsString());
    rules::SignOrder(rules::KeyOf(rules::Holder::kTeacher), &made);
    return rules::OrderText(made);
  }

  TestSchool school_;
  absl::Status refuse_;
  std::vector<std::pair<std::string, std::string>> published_;
  std::unique_ptr<Api> api_;
};

// The lead would approve blindly, or the lesson would fail for a host that
// nobody saw.
TEST_F(PassesTest, ARequestShowsWhatTheClassWouldMiss) {
  TeacherAsks();
  TestBrowser lead(*api_);
  lead.LogIn("lead");
  const json answer = TestBrowser::Json(lead.Get("/api/v1/passes"));
  ASSERT_EQ(answer["requests"].size(), 1u) << answer;
  const json& request = answer["requests"][0];
  EXPECT_EQ(request["group"], "pupils");
  EXPECT_EQ(request["reason"], "fractions");
  std::map<std::string, std::pair<bool, bool>> hosts;
  for (const json& one : request["preview"]) {
    hosts[one["host"]] = {one["blocked"], one["passable"]};
  }
  using Answer = std::pair<bool, bool>;  // blocked, passable
  EXPECT_EQ(hosts["www.games.test"], Answer(true, true)) << request;
  EXPECT_EQ(hosts["www.casino.test"], Answer(true, false)) << request;
  EXPECT_EQ(hosts["learn.test"], Answer(false, false)) << request;
}

TEST_F(PassesTest, AnyHostCanBeTriedForAGroup) {
  TestBrowser lead(*api_);
  lead.LogIn("lead");
  std::string hosts;
  rules::ExampleHosts lists = rules::ExampleLists();
  for (const auto& [host, categories] : lists) {
    absl::StrAppend(&hosts, host, " ");
  }
  const json answer = TestBrowser::Json(lead.Post(
      "/api/v1/passes/preview", {{"group", "pupils"}, {"hosts", hosts}}));
  size_t blocked = 0, passable = 0;
  for (const json& one : answer["preview"]) {
    blocked += one["blocked"].get<bool>();
    passable += one["passable"].get<bool>();
    // Nothing of the locked lists is told, also not to who tries it.
    for (const auto& category : lists[one["host"].get<std::string>()]) {
      EXPECT_NE(category, "child-abuse");
    }
  }
  EXPECT_GT(blocked, 0u) << answer;
  EXPECT_GT(passable, 0u) << answer;
  EXPECT_EQ(lead.Post("/api/v1/passes/preview",
                      {{"group", "nobody"}, {"hosts", "a.test"}})
                .status,
            400);
}

TEST_F(PassesTest, OnlyASignedPassIsPublishedAndItStandsOnRecord) {
  TestBrowser lead(*api_);
  lead.LogIn("lead");
  EXPECT_EQ(lead.Post("/api/v1/passes", {{"order", "not a pass"}}).status, 400);
  EXPECT_TRUE(published_.empty());
  EXPECT_EQ(lead.Post("/api/v1/passes", {{"order", SignedPass()}}).status, 200);
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_EQ(published_[0].first, "oakfield");
  bool on_record = false;
  for (const AuditEntry& line : school_.Audit()) {
    on_record |= line.action == "publish_pass" && line.about == "pass-1";
  }
  EXPECT_TRUE(on_record);
  refuse_ = absl::PermissionDeniedError("signed by a stranger");
  const Response refused =
      lead.Post("/api/v1/passes", {{"order", SignedPass()}});
  EXPECT_EQ(refused.status, 409);
  EXPECT_NE(refused.body.find("signed by a stranger"), std::string::npos);
}

// A class sees the site open, and then sees it end: so does the page.
TEST_F(PassesTest, APassIsWatchedUntilItEnds) {
  v1::PassOrder order;
  const absl::Time now = school_.clock().Now();
  order.mutable_pass()->set_id("pass-2");
  order.mutable_pass()->add_hosts("www.games.test");
  order.mutable_pass()->set_start_unix_s(absl::ToUnixSeconds(now));
  order.mutable_pass()->set_end_unix_s(
      absl::ToUnixSeconds(now + absl::Minutes(5)));
  v1::SignedOrder made;
  made.set_kind(v1::ORDER_KIND_PASS);
  made.set_order(order.SerializeAsString());
  ASSERT_TRUE(school_.stores()
                  .papers
                  ->Place({.kind = v1::Paper::KIND_ORDER,
                           .name = "pass-2",
                           .ends = now + absl::Minutes(5)},
                          rules::OrderText(made), "oakfield", now)
                  .ok());
  TestBrowser lead(*api_);
  lead.LogIn("lead");
  const auto pass = [&] {
    return TestBrowser::Json(lead.Get("/api/v1/passes"))["passes"][0];
  };
  EXPECT_EQ(pass()["state"], "open");
  EXPECT_EQ(pass()["seconds_left"], 300);
  school_.clock().Advance(absl::Minutes(6));
  EXPECT_EQ(pass()["state"], "ended");
}

}  // namespace
}  // namespace schoolgate::collector
