// A head of one school who could see, or change, what another school keeps:
// every call of the routing table, as every role of another school.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/escaping.h"
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
    Device device;
    device.id = device.hostname = absl::StrCat("D-", kMarker);
    device.school = "oakfield";
    device.inventory_number = kMarker;
    EXPECT_TRUE(school_.stores().devices.Put(device).ok());
    school_.SealLogin(absl::StrCat("P-", kMarker), seal::BoxKey::Generate());
    WriteEverything(lead);
  }

  // Something of every kind that people write, and of the audit log with it.
  void WriteEverything(const std::string& who) {
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(who).status, 200);
    const std::string alert = absl::StrCat("/api/v1/alerts/", alert_);
    EXPECT_EQ(browser.Get(alert).status, 200);
    const auto write = [&](const std::string& path, const json& body) {
      const Response response = browser.Post(path, body);
      EXPECT_EQ(response.status, 200) << path << " " << response.body;
      return TestBrowser::Json(response);
    };
    write(alert + "/notes", {{"words", kMarker}});
    const json attached =
        write(alert + "/attachments",
              {{"name", kMarker}, {"base64", absl::Base64Escape(kMarker)}});
    const json asked =
        write(alert + "/name",
              {{"reason", kMarker},
               {"key", seal::ToHex(seal::BoxKey::Generate().public_key())}});
    write("/api/v1/contacts",
          {{"id", "police"}, {"name", kMarker}, {"phone", "101"}});
    const std::string words = absl::StrCat("We looked at all of it. ", kMarker);
    write("/api/v1/reviews",
          {{"kind", "meeting"}, {"present", "lead, IT"}, {"words", words}});
    write("/api/v1/inventory",
          {{"name", kMarker}, {"csv", absl::StrCat("number\n", kMarker)}});
    numbers_ = {alert_, device_alert_, attached["attachments"][0]["id"],
                asked["id"]};
  }

  // What nobody of another school may change.
  std::string Kept() {
    const Stores stores = school_.stores();
    std::string all = Stored(alert_) + Stored(device_alert_);
    for (const char* book : {"contacts", "approvals", "opened names"}) {
      const auto pages = stores.agreements->Pages("oakfield", book).value();
      for (const BookPage& page : pages) {
        absl::StrAppend(&all, page.key, page.text, page.changed_by);
      }
    }
    const auto texts =
        stores.agreements->AllPublished("oakfield", "", 1000).value();
    for (const PublishedText& text : texts) {
      absl::StrAppend(&all, text.period, text.text);
    }
    const auto files = stores.attachments->Of(alert_).value();
    for (const Attachment& file : files) {
      absl::StrAppend(&all, file.id, file.hash);
    }
    const auto devices = stores.devices.All("oakfield").value();
    for (const Device& device : devices) {
      absl::StrAppend(&all, device.id, device.inventory_number,
                      static_cast<int>(device.state));
    }
    return all;
  }

  std::string Stored(uint64_t id) {
    return school_.stores().alerts.Get(id)->SerializeAsString();
  }

  // `school`: asks for another school's by name, too.
  Response Ask(TestBrowser& browser, const AccessRule& rule, uint64_t number,
               const std::string& school) {
    school_.clock().Advance(absl::Seconds(5));
    std::string path =
        absl::StrReplaceAll(rule.path, {{"*", absl::StrCat(number)}});
    json body = BodyFor(rule.endpoint);
    if (!school.empty()) {
      absl::StrAppend(&path, "?school=", school);
      body["school"] = school;
    }
    return browser.Send(rule.method, path, body);
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
  std::vector<uint64_t> numbers_;  // of alerts, a file, a request
};

TEST_F(CrossingTest, NoCallOfAnotherSchoolShowsOrChangesAnything) {
  constexpr uint64_t kNowhere = 999'999;
  const std::string before = Kept();
  // These end the session that asks.
  const std::set<Endpoint> own = {Endpoint::kLogin, Endpoint::kLogout,
                                  Endpoint::kPassword, Endpoint::kLive};
  int calls = 0;
  const auto try_one = [&](TestBrowser& browser, const AccessRule& rule,
                           uint64_t number, const std::string& school) {
    const Response there = Ask(browser, rule, number, school);
    ++calls;
    EXPECT_FALSE(absl::StrContains(there.body, kMarker))
        << rule.path << " " << school << " " << there.body;
    if (!absl::StrContains(rule.path, "*")) return;
    // That it exists elsewhere cannot be told from that it does not.
    const Response nowhere = Ask(browser, rule, kNowhere, school);
    EXPECT_EQ(there.status, nowhere.status) << rule.path;
    EXPECT_EQ(there.body, nowhere.body) << rule.path;
    EXPECT_GE(there.status, 400) << rule.path;
  };
  for (const auto& [name, role] : roles_) {
    SCOPED_TRACE(name);
    TestBrowser browser(api_);
    ASSERT_EQ(browser.LogIn(name).status, 200);
    for (const AccessRule& rule : AccessTable()) {
      if (own.contains(rule.endpoint)) continue;
      const bool numbered = absl::StrContains(rule.path, "*");
      for (const uint64_t number : numbered ? numbers_ : std::vector{alert_}) {
        for (const char* school : {"", "oakfield"}) {
          try_one(browser, rule, number, school);
        }
      }
    }
  }
  EXPECT_EQ(Kept(), before);
  EXPECT_GE(calls, 6 * 2 * 40);
  RecordProperty("calls_as_another_school", calls);  // scripts/prove tells it
}

// The same calls by the school's own people do find it: the test above is none
// of nothing.
TEST_F(CrossingTest, TheOwnSchoolFindsIt) {
  std::set<std::string> showing;
  for (const char* name : {"lead", "head", "it", "dpo"}) {
    TestBrowser browser(api_);
    ASSERT_EQ(browser.LogIn(name).status, 200);
    for (const AccessRule& rule : AccessTable()) {
      if (rule.method != std::string("GET")) continue;
      for (const uint64_t number : numbers_) {
        if (absl::StrContains(Ask(browser, rule, number, "oakfield").body,
                              kMarker)) {
          showing.insert(rule.path);
        }
      }
    }
  }
  for (const char* path :
       {"/api/v1/alerts", "/api/v1/alerts/*", "/api/v1/attachments/*",
        "/api/v1/audit", "/api/v1/contacts", "/api/v1/devices",
        "/api/v1/inventory", "/api/v1/names", "/api/v1/reviews"}) {
    EXPECT_TRUE(showing.contains(path)) << path;
  }
  RecordProperty("calls_that_show_it_to_its_own",
                 static_cast<int>(showing.size()));
}

}  // namespace
}  // namespace schoolgate::collector
