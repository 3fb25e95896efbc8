// Log-in at the school's directory, with a provider that answers as it is told.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/oidc/scripted_provider_test.h"
#include "collector/web/test_school.h"
#include "collector/web/totp.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest()
      : idp_(school_.clock()),
        api_(school_.stores(), NoticeFacts{}, SessionLimits{}, school_.clock(),
             std::make_unique<OidcProvider>(ScriptedProvider::Config(), "",
                                            idp_.AsFetch(), school_.clock())) {
    Expect({"lead", "a.patel@oak.test", "", ""});
  }

  void Expect(const Identity& identity) {
    EXPECT_TRUE(school_.stores().identities->Put(identity).ok());
  }

  TestBrowser Window() {
    TestBrowser browser(api_);
    browser.host = "sg.oak.test:4443";
    return browser;
  }

  // What the browser brings back to /signed-in.
  json Begin(TestBrowser& browser) {
    const Response begun = browser.Post("/api/v1/directory/begin");
    EXPECT_EQ(begun.status, 200) << begun.body;
    const std::string go = TestBrowser::Json(begun)["go"];
    return {{"code", idp_.LogIn(go)},
            {"state", ScriptedProvider::QueryOf(go)["state"]}};
  }

  Response Finish(TestBrowser& browser, const json& brought) {
    return browser.Post("/api/v1/directory/finish", brought);
  }

  std::string Error(const Response& response) {
    return TestBrowser::Json(response)["error"];
  }

  int OnRecord(const std::string& who, const std::string& action) {
    int found = 0;
    for (const AuditEntry& entry : school_.Audit()) {
      found += entry.who == who && entry.action == action;
    }
    return found;
  }

  TestSchool school_;
  ScriptedProvider idp_;
  Api api_;
};

TEST_F(DirectoryTest, IsOfferedWhereThereIsOne) {
  TestBrowser browser = Window();
  EXPECT_EQ(
      TestBrowser::Json(browser.Get("/api/v1/login"))["directory"]["name"],
      "your school account");
  Api alone(school_.stores(), NoticeFacts{}, SessionLimits{}, school_.clock());
  TestBrowser other(alone);
  EXPECT_TRUE(
      TestBrowser::Json(other.Get("/api/v1/login"))["directory"].is_null());
  EXPECT_EQ(other.Post("/api/v1/directory/begin").status, 404);
  EXPECT_EQ(other.Post("/api/v1/directory/finish").status, 404);
  EXPECT_EQ(other.Post("/api/v1/directory/code").status, 404);
}

TEST_F(DirectoryTest, TheFirstLogInBindsTheAccountAndTheNextFindsIt) {
  TestBrowser browser = Window();
  const Response in = Finish(browser, Begin(browser));
  ASSERT_EQ(in.status, 200) << in.body;
  EXPECT_EQ(TestBrowser::Json(in)["name"], "lead");
  EXPECT_EQ(browser.Get("/api/v1/alerts").status, 200);
  // Another address later on: it is the same person.
  idp_.changes["email"] = "a.okafor@oak.test";
  TestBrowser again = Window();
  EXPECT_EQ(TestBrowser::Json(Finish(again, Begin(again)))["name"], "lead");
  EXPECT_EQ(OnRecord("lead", "bind_directory"), 1);
  EXPECT_EQ(OnRecord("lead", "log_in_directory"), 2);
}

TEST_F(DirectoryTest, AnotherPersonWithTheSameAddressGetsNothing) {
  TestBrowser browser = Window();
  ASSERT_EQ(Finish(browser, Begin(browser)).status, 200);
  idp_.changes["sub"] = "somebody-else";
  TestBrowser other = Window();
  const Response refused = Finish(other, Begin(other));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(Error(refused), "other_person");
  EXPECT_EQ(other.Get("/api/v1/session").status, 401);
  EXPECT_EQ(OnRecord("lead", "log_in_directory_failed"), 1);
}

TEST_F(DirectoryTest, AnUnconfirmedAddressBindsNothing) {
  idp_.changes["email_verified"] = false;
  TestBrowser browser = Window();
  const Response refused = Finish(browser, Begin(browser));
  EXPECT_EQ(Error(refused), "no_account");
  EXPECT_FALSE(
      school_.stores().identities->ByEmail("a.patel@oak.test")->bound());
  // By hand it can be done.
  Expect({"lead", "", "https://idp.test", "248289761001"});
  TestBrowser later = Window();
  EXPECT_EQ(Finish(later, Begin(later)).status, 200);
}

TEST_F(DirectoryTest, WhatComesBackIsGoodOnceForTheBrowserThatBegan) {
  TestBrowser browser = Window();
  const json brought = Begin(browser);
  TestBrowser victim = Window();
  EXPECT_EQ(Error(Finish(victim, brought)), "begin_again");
  // A victim who has begun on their own, and gets an attacker's answer.
  Begin(victim);
  EXPECT_EQ(Error(Finish(victim, brought)), "begin_again");
  EXPECT_EQ(victim.Get("/api/v1/session").status, 401);
  json other = brought;
  other["state"] = "guessed";
  TestBrowser third = Window();
  Begin(third);
  EXPECT_EQ(Error(Finish(third, other)), "begin_again");
  const std::string flow = browser.flow_cookie;
  EXPECT_EQ(Finish(browser, brought).status, 200);
  TestBrowser replay = Window();
  replay.flow_cookie = flow;
  EXPECT_EQ(Error(Finish(replay, brought)), "begin_again");
}

TEST_F(DirectoryTest, TakesTenMinutesAtMost) {
  TestBrowser browser = Window();
  const json brought = Begin(browser);
  school_.clock().Advance(absl::Minutes(10));
  EXPECT_EQ(Error(Finish(browser, brought)), "begin_again");
}

TEST_F(DirectoryTest, AHostileTokenOpensNothingAndSaysNothing) {
  const int64_t now = absl::ToUnixSeconds(school_.clock().Now());
  const std::pair<const char*, json> wrong[] = {{"aud", "other"},
                                                {"iss", "https://evil.test"},
                                                {"nonce", "x"},
                                                {"exp", now - 100},
                                                {"auth_time", now - 3600}};
  for (const auto& [claim, value] : wrong) {
    idp_.changes = {{claim, value}};
    TestBrowser browser = Window();
    const Response refused = Finish(browser, Begin(browser));
    EXPECT_EQ(refused.status, 401) << claim;
    EXPECT_EQ(Error(refused), "directory_refused") << claim;
    EXPECT_FALSE(absl::StrContains(refused.body, "lead")) << claim;
    EXPECT_EQ(browser.Get("/api/v1/session").status, 401) << claim;
    school_.clock().Advance(absl::Seconds(10));
  }
  EXPECT_FALSE(
      school_.stores().identities->ByEmail("a.patel@oak.test")->bound());
}

TEST_F(DirectoryTest, AnAuthenticatorIsAskedForHereToo) {
  ASSERT_TRUE(school_.stores()
                  .second_factors
                  ->Put({.account = "lead", .secret = "12345678901234567890"})
                  .ok());
  const auto code = [&] {
    return TotpCode("12345678901234567890", TotpStep(school_.clock().Now()));
  };
  TestBrowser browser = Window();
  const json brought = Begin(browser);
  EXPECT_EQ(Error(Finish(browser, brought)), "code");
  EXPECT_EQ(browser.Get("/api/v1/session").status, 401);
  EXPECT_EQ(Error(Finish(browser, brought)), "begin_again");
  TestBrowser next = Window();
  EXPECT_EQ(Error(Finish(next, Begin(next))), "code");
  const std::string path = "/api/v1/directory/code";
  TestBrowser stranger = Window();
  EXPECT_EQ(Error(stranger.Post(path, {{"code", code()}})), "begin_again");
  EXPECT_EQ(Error(next.Post(path, {{"code", "000000"}})), "wrong_code");
  const Response in = next.Post(path, {{"code", code()}});
  ASSERT_EQ(in.status, 200) << in.body;
  EXPECT_EQ(TestBrowser::Json(in)["name"], "lead");
}

TEST_F(DirectoryTest, GuessingCodesWaits) {
  ASSERT_TRUE(school_.stores()
                  .second_factors
                  ->Put({.account = "lead", .secret = "12345678901234567890"})
                  .ok());
  TestBrowser browser = Window();
  EXPECT_EQ(Error(Finish(browser, Begin(browser))), "code");
  int status = 0;
  for (int i = 0; i < 6; ++i) {
    status =
        browser.Post("/api/v1/directory/code", {{"code", "000000"}}).status;
  }
  EXPECT_EQ(status, 429);
}

TEST_F(DirectoryTest, APasswordGuessedWronglyKeepsNobodyOutHere) {
  TestBrowser guesser(api_, "198.51.100.9");
  for (int i = 0; i < 6; ++i) guesser.LogIn("lead", "wrong");
  TestBrowser browser = Window();
  EXPECT_EQ(Finish(browser, Begin(browser)).status, 200);
}

TEST_F(DirectoryTest, OnlyAtTheAddressThatTheProviderKnows) {
  TestBrowser browser(api_);
  const Response refused = browser.Post("/api/v1/directory/begin");
  EXPECT_EQ(refused.status, 409);
  EXPECT_TRUE(absl::StrContains(refused.body, "https://sg.oak.test:4443"));
}

TEST_F(DirectoryTest, AProviderThatIsAwayStopsNoOtherLogIn) {
  idp_.away = true;
  TestBrowser browser = Window();
  const Response refused = browser.Post("/api/v1/directory/begin");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(Error(refused), "directory_away");
  EXPECT_EQ(browser.LogIn("lead").status, 200);
}

TEST_F(DirectoryTest, WhoSaysNoThereIsNotLoggedIn) {
  TestBrowser browser = Window();
  json brought = Begin(browser);
  brought["error"] = "access_denied";
  EXPECT_EQ(Error(Finish(browser, brought)), "directory_no");
  EXPECT_EQ(Error(Finish(browser, brought)), "begin_again");
}

TEST_F(DirectoryTest, AnAccountThatIsGoneIsNone) {
  Expect({"nobody", "b@oak.test", "", ""});
  idp_.changes["email"] = "b@oak.test";
  TestBrowser browser = Window();
  EXPECT_EQ(Error(Finish(browser, Begin(browser))), "no_account")
      << "an account that is gone";
}

TEST(DirectoryLogInsTest, ThereIsAnEndToHowManyWait) {
  const std::unique_ptr<PassingStore> store = MakeMemoryPassingStore();
  DirectoryLogIns log_ins({absl::Minutes(10), 4, 2}, *store);
  const absl::Duration now = absl::Seconds(100);
  const auto open = [&](const std::string& address, int second) {
    return *log_ins.Open({{}, address, "", {}}, now + absl::Seconds(second));
  };
  const std::string first = open("a", 0), second = open("a", 1),
                    third = open("a", 2);
  EXPECT_FALSE(log_ins.Take(first, now).has_value());
  const std::string b = open("b", 3), c = open("c", 4), d = open("d", 5);
  EXPECT_FALSE(log_ins.Take(second, now).has_value()) << "the oldest of all";
  EXPECT_TRUE(log_ins.Take(third, now).has_value());
  EXPECT_FALSE(log_ins.Take(third, now).has_value());
  EXPECT_FALSE(log_ins.Take("", now).has_value());
  EXPECT_TRUE(log_ins.Take(b, now).has_value());
}

}  // namespace
}  // namespace schoolgate::collector
