// A head of one school who could see, or change, what another school keeps:
// every call of the routing table, as every role of another school.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "collector/web/api.h"
#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr char kMarker[] = "marker-of-oakfield";

// What makes a call get as far as it can.
json BodyFor(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kNote:
      return {{"words", "seen"}};
    case Endpoint::kState:
      return {{"state", "closed"},
              {"outcome", "handled"},
              {"action_taken", "spoke to them"}};
    case Endpoint::kIncident:
      return {{"where", "room 4"},
              {"description", "x"},
              {"action_taken", "spoke to them"}};
    case Endpoint::kAskName:
      return {{"reason", "to help"}, {"key", std::string(64, 'a')}};
    case Endpoint::kApproveName:
      return {{"sealed_share", std::string(160, 'a')}};
    default:
      return json::object();
  }
}

class CrossingTest : public testing::Test {
 protected:
  CrossingTest()
      : api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {
    for (const auto& [name, role] : roles_) {
      school_.AddAccount(name, role, "riverside");
    }
    const std::string lead = absl::StrCat(kMarker, "-lead");
    school_.AddAccount(lead, Role::kSafetyLead);
    alert_ =
        school_.AddAlert(absl::StrCat("P-", kMarker), v1::SEVERITY_SERIOUS);
    device_alert_ =
        school_.AddAlert(absl::StrCat("D-", kMarker), v1::SEVERITY_ROUTINE,
                         "oakfield", "silent_device");
    // So that the audit log has something of oakfield's, too.
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(lead).status, 200);
    EXPECT_EQ(browser.Get(absl::StrCat("/api/v1/alerts/", alert_)).status, 200);
    EXPECT_EQ(browser
                  .Post(absl::StrCat("/api/v1/alerts/", alert_, "/notes"),
                        {{"words", kMarker}})
                  .status,
              200);
  }

  std::string Stored(uint64_t id) {
    return school_.stores().alerts.Get(id)->SerializeAsString();
  }

  Response Ask(TestBrowser& browser, const AccessRule& rule, uint64_t number) {
    school_.clock().Advance(absl::Seconds(5));
    const std::string path =
        absl::StrReplaceAll(rule.path, {{"*", absl::StrCat(number)}});
    return browser.Send(rule.method, path, BodyFor(rule.endpoint));
  }

  // All but the provider, who serves every school.
  const std::map<std::string, Role> roles_ = {
      {"r-lead", Role::kSafetyLead},   {"r-deputy", Role::kDeputy},
      {"r-head", Role::kHead},         {"r-second", Role::kSecondSenior},
      {"r-governor", Role::kGovernor}, {"r-dpo", Role::kDataProtectionOfficer}};
  TestSchool school_;
  Api api_;
  uint64_t alert_ = 0;
  uint64_t device_alert_ = 0;
};

TEST_F(CrossingTest, NoCallOfAnotherSchoolShowsOrChangesAnything) {
  constexpr uint64_t kNowhere = 999'999;
  const std::string before = Stored(alert_) + Stored(device_alert_);
  // These end the session that asks.
  const std::set<Endpoint> own = {Endpoint::kLogin, Endpoint::kLogout,
                                  Endpoint::kPassword, Endpoint::kLive};
  int calls = 0;
  for (const auto& [name, role] : roles_) {
    TestBrowser browser(api_);
    ASSERT_EQ(browser.LogIn(name).status, 200) << name;
    for (const AccessRule& rule : AccessTable()) {
      if (own.contains(rule.endpoint)) continue;
      for (const uint64_t number : {alert_, device_alert_}) {
        const Response there = Ask(browser, rule, number);
        const Response nowhere = Ask(browser, rule, kNowhere);
        ++calls;
        EXPECT_FALSE(absl::StrContains(there.body, kMarker))
            << name << " " << rule.path << " " << there.body;
        if (!absl::StrContains(rule.path, "*")) continue;
        // That it exists elsewhere cannot be told from that it does not.
        EXPECT_EQ(there.status, nowhere.status) << name << " " << rule.path;
        EXPECT_EQ(there.body, nowhere.body) << name << " " << rule.path;
        EXPECT_GE(there.status, 400) << name << " " << rule.path;
      }
    }
  }
  EXPECT_EQ(Stored(alert_) + Stored(device_alert_), before);
  EXPECT_GE(calls, 6 * 2 * 15);
}

// The same calls by the school's own lead do find it: the test above is none
// of nothing.
TEST_F(CrossingTest, TheOwnSchoolFindsIt) {
  TestBrowser browser(api_);
  ASSERT_EQ(browser.LogIn("lead").status, 200);
  EXPECT_TRUE(absl::StrContains(browser.Get("/api/v1/alerts").body, kMarker));
  EXPECT_TRUE(absl::StrContains(
      browser.Get(absl::StrCat("/api/v1/alerts/", alert_)).body, kMarker));
}

}  // namespace
}  // namespace schoolgate::collector
