// Whoever an alert is about must not be able to tell that it exists. Two
// worlds that differ in nothing but that are shown to the same person: in the
// one the alert is about them, in the other it belongs to another school. Each
// call of the table is made in both, and the answers must be the same.
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "collector/web/live.h"
#include "collector/web/test_school.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

struct Victim {
  const char* name;
  Role role;
  const char* pseudonym;
};

constexpr Victim kVictims[] = {
    {"it", Role::kItProvider, "P-ITADM0"},
    {"lead", Role::kSafetyLead, "P-LEAD00"},
    {"deputy", Role::kDeputy, "P-DEPUTY"},
    {"head", Role::kHead, "P-HEAD00"},
    {"second", Role::kSecondSenior, "P-SECOND"},
    {"governor", Role::kGovernor, "P-GOVERN"},
    {"dpo", Role::kDataProtectionOfficer, "P-DPO000"},
};

// How an alert can be about somebody.
enum class About { kSubjectStaff, kSubjectOther, kNote, kSentence, kIllegal };
constexpr About kWays[] = {About::kSubjectStaff, About::kSubjectOther,
                           About::kNote, About::kSentence, About::kIllegal};

struct Answer {
  std::string call;
  int status = 0;
  std::string body;
};

class World {
 public:
  World(const Victim& victim, bool hidden_is_about_victim)
      : victim_(victim),
        school_of_hidden_(hidden_is_about_victim ? "oakfield" : "elmfield"),
        api_(school_.stores(), NoticeFacts{}, SessionLimits{},
             school_.clock()) {
    for (const Victim& one : kVictims) {
      if (one.role == Role::kItProvider) {
        school_.AddAccount(one.name, one.role, "", one.pseudonym);
        continue;
      }
      school_.AddAccount(one.name, one.role, "oakfield", one.pseudonym);
      school_.AddAccount(absl::StrCat("elm-", one.name), one.role, "elmfield");
    }
    school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
    for (const About way : kWays) hidden_.push_back(AddHidden(way));
    school_.AddAlert("D-00000001", v1::SEVERITY_ROUTINE, "oakfield",
                     "silent_device");
  }

  // Two who may see most of the hidden alerts work on them. Both schools' log
  // in in both worlds: that much may be seen.
  void Work() {
    for (const char* name : {"head", "second", "lead"}) {
      if (name == std::string(victim_.name)) continue;
      for (const char* school : {"oakfield", "elmfield"}) {
        const bool elm = school == std::string("elmfield");
        TestBrowser browser(api_);
        EXPECT_EQ(browser.LogIn(absl::StrCat(elm ? "elm-" : "", name)).status,
                  200);
        if (school != school_of_hidden_) continue;
        for (const uint64_t id : hidden_) {
          WorkOn(browser, id);
          school_.clock().Advance(absl::Seconds(5));
        }
      }
    }
  }

  std::vector<Answer> AskEverything() {
    std::vector<Answer> answers;
    TestBrowser browser(api_);
    EXPECT_EQ(browser.LogIn(victim_.name).status, 200);
    for (const AccessRule& rule : AccessTable()) {
      if (rule.endpoint == Endpoint::kLogin ||
          rule.endpoint == Endpoint::kLogout ||
          rule.endpoint == Endpoint::kPassword ||
          rule.endpoint == Endpoint::kLive) {
        continue;
      }
      for (const std::string& path : Paths(rule)) {
        for (const json& body : Bodies(rule, path)) {
          const Response response = browser.Send(rule.method, path, body);
          answers.push_back(
              {absl::StrCat(rule.method, " ", path, " ", body.dump()),
               response.status, Plain(rule, response)});
          school_.clock().Advance(absl::Seconds(1));
        }
      }
    }
    answers.push_back(Live(browser));
    return answers;
  }

 private:
  uint64_t AddHidden(About way) {
    const bool subject = way == About::kSubjectStaff ||
                         way == About::kSubjectOther || way == About::kIllegal;
    const uint64_t id = school_.AddAlert(
        subject ? victim_.pseudonym : "P-OTHER0",
        way == About::kIllegal ? v1::SEVERITY_ILLEGAL : v1::SEVERITY_SERIOUS,
        school_of_hidden_,
        way == About::kSentence ? "tamper" : "repeated_contacts");
    const auto changed =
        school_.stores().alerts.Update(id, [&](v1::Alert* alert) {
          if (way == About::kSubjectStaff) alert->set_group("staff");
          if (way == About::kNote) {
            alert->add_notes()->set_words(
                absl::StrCat("Sat beside ", victim_.pseudonym, "."));
          }
          if (way == About::kSentence) {
            alert->set_sentence(absl::StrCat("Changed by ", victim_.pseudonym));
          }
          return absl::OkStatus();
        });
    EXPECT_TRUE(changed.ok());
    return id;
  }

  void WorkOn(TestBrowser& browser, uint64_t id) {
    const std::string path = absl::StrCat("/api/v1/alerts/", id);
    browser.Get(path);
    browser.Post(path + "/notes", {{"words", "Seen."}});
    browser.Post(path + "/name", {{"reason", "to talk with the family"},
                                  {"key", seal::ToHex(std::string(32, 'k'))}});
    browser.Post(path + "/hold", {{"hold", true}, {"reason", "Court"}});
    browser.Post(path + "/pack");
    browser.Post(path + "/state",
                 {{"state", "closed"}, {"outcome", "false_alarm"}});
  }

  std::vector<std::string> Paths(const AccessRule& rule) const {
    const std::string path = rule.path;
    std::vector<std::string> paths;
    if (path.find('*') == std::string::npos) {
      paths = {path};
      if (rule.method == std::string("GET")) {
        for (const char* query :
             {"all=1", "before=5", "before=100", "after=0", "from=2026-11",
              "kind=governors&period=2026-autumn",
              "kind=leaders&period=2026-11",
              "kind=leaders&period=2026-11&format=csv"}) {
          paths.push_back(absl::StrCat(path, "?", query));
        }
      }
      return paths;
    }
    std::vector<uint64_t> ids = hidden_;
    ids.insert(ids.end(), {1, 999});
    for (const uint64_t id : ids) {
      paths.push_back(absl::StrReplaceAll(path, {{"*", absl::StrCat(id)}}));
    }
    return paths;
  }

  // Nothing at all is tried once for each call.
  std::vector<json> Bodies(const AccessRule& rule,
                           const std::string& path) const {
    if (rule.method == std::string("GET")) return {json()};
    std::vector<json> bodies = {{{"words", "x"},
                                 {"reason", "to find out"},
                                 {"key", seal::ToHex(std::string(32, 'v'))},
                                 {"hold", true},
                                 {"where", "here"},
                                 {"state", "closed"},
                                 {"kind", "repeated_contacts/gambling"},
                                 {"in_digest", true},
                                 {"outcome", "false_alarm"}}};
    if (path == Paths(rule).front()) bodies.push_back(json::object());
    return bodies;
  }

  // Without what differs at every log-in and says nothing.
  static std::string Plain(const AccessRule& rule, const Response& response) {
    // Holds hashes of everybody's audit lines: a number, not a fact.
    if (rule.endpoint == Endpoint::kPack && response.status == 200) return "";
    json body = json::parse(response.body, nullptr, false);
    if (body.is_discarded()) return response.body;
    if (body.is_object()) body.erase("csrf");
    return body.dump();
  }

  Answer Live(TestBrowser& browser) {
    Request request;
    request.headers["cookie"] = browser.cookie;
    Response refusal;
    auto ticket = api_.AdmitLive(request, &refusal);
    if (!ticket) return {"live", refusal.status, ""};
    LiveFeed feed(school_.stores().alerts, api_, school_.clock());
    auto viewer = feed.Join(*std::move(ticket));
    school_.stores().alerts.Close();  // so that the feed ends at once
    feed.Stop();
    std::string text;
    bool asleep = false;
    char block[4096];
    while (const size_t size = viewer->Read(
               block, sizeof block, [] {}, [] {}, &asleep)) {
      text.append(block, size);
    }
    viewer->Leave();
    return {"live", 200, text};
  }

  const Victim victim_;
  const std::string school_of_hidden_;
  TestSchool school_;
  Api api_;
  std::vector<uint64_t> hidden_;
};

class Conflict : public testing::TestWithParam<Victim> {};

TEST_P(Conflict, NobodyCanTellThatAnAlertAboutThemExistsByAnyCall) {
  const Victim victim = GetParam();
  World about(victim, true);
  World without(victim, false);
  about.Work();
  without.Work();
  const std::vector<Answer> seen = about.AskEverything();
  const std::vector<Answer> plain = without.AskEverything();
  ASSERT_EQ(seen.size(), plain.size());
  EXPECT_GT(seen.size(), 100u);
  for (size_t i = 0; i < seen.size() && !HasFailure(); ++i) {
    EXPECT_EQ(seen[i].status, plain[i].status) << seen[i].call << "\n"
                                               << seen[i].body;
    EXPECT_EQ(seen[i].body, plain[i].body) << seen[i].call;
    EXPECT_EQ(seen[i].body.find(victim.pseudonym), std::string::npos)
        << seen[i].call;
  }
}

INSTANTIATE_TEST_SUITE_P(Everybody, Conflict, testing::ValuesIn(kVictims),
                         [](const auto& one) {
                           return std::string(one.param.name);
                         });

// The test above would also pass if nobody ever saw anything.
TEST(ConflictSeen, SomebodyElseDoesSeeIt) {
  TestSchool school;
  std::map<std::string, uint64_t> about;
  for (const Victim& one : kVictims) {
    school.AddAccount(one.name, one.role,
                      one.role == Role::kItProvider ? "" : "oakfield",
                      one.pseudonym);
    about[one.name] = school.AddAlert(one.pseudonym, v1::SEVERITY_SERIOUS);
  }
  Api api(school.stores(), NoticeFacts{}, SessionLimits{}, school.clock());
  std::map<std::string, int> seen;
  for (const char* name : {"head", "second"}) {
    TestBrowser browser(api);
    ASSERT_EQ(browser.LogIn(name).status, 200);
    for (const auto& [whom, id] : about) {
      seen[whom] +=
          browser.Get(absl::StrCat("/api/v1/alerts/", id)).status == 200;
    }
  }
  for (const Victim& one : kVictims) EXPECT_GE(seen[one.name], 1) << one.name;
}

}  // namespace
}  // namespace schoolgate::collector
