// Two collectors behind a balancer, which may give each call of a browser to
// the other one.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "collector/oidc/scripted_provider_test.h"
#include "collector/web/test_school.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

// A shared store whose server can be taken away.
class RemoteStore : public PassingStore {
 public:
  absl::StatusOr<Passing> Get(const std::string& kind, const std::string& key,
                              absl::Duration now) override {
    if (away) return Away();
    return store_->Get(kind, key, now);
  }
  absl::StatusOr<Passing> Take(const std::string& kind, const std::string& key,
                               absl::Duration now) override {
    if (away) return Away();
    return store_->Take(kind, key, now);
  }
  absl::Status Touch(const std::string& kind, const std::string& key,
                     absl::Duration now) override {
    return away ? Away() : store_->Touch(kind, key, now);
  }
  absl::Status Change(
      const std::string& kind, absl::Duration now,
      absl::FunctionRef<void(std::vector<Passing>&)> change) override {
    return away ? Away() : store_->Change(kind, now, change);
  }

  bool away = false;

 private:
  static absl::Status Away() { return absl::UnavailableError("no server"); }

  const std::unique_ptr<PassingStore> store_ = MakeMemoryPassingStore();
};

class SharedLogInTest : public testing::Test {
 protected:
  SharedLogInTest() : idp_(school_.clock()), here_(Make()), there_(Make()) {}

  std::unique_ptr<Api> Make() {
    Stores stores = school_.stores();
    stores.passing = &store_;
    stores.pseudonym_of = [](const std::string&, const std::string& login) {
      return absl::StatusOr<std::string>("P-" + login);
    };
    return std::make_unique<Api>(
        stores, NoticeFacts{}, SessionLimits{}, school_.clock(),
        std::make_unique<OidcProvider>(ScriptedProvider::Config(), "",
                                       idp_.AsFetch(), school_.clock()));
  }

  TestBrowser LoggedIn(Api& api, const std::string& name) {
    TestBrowser browser(api);
    EXPECT_EQ(browser.LogIn(name).status, 200) << name;
    return browser;
  }

  TestSchool school_;
  RemoteStore store_;
  ScriptedProvider idp_;
  const std::unique_ptr<Api> here_, there_;
};

TEST_F(SharedLogInTest, ALogInIsGoodAtTheNextAndALogOutEndsItEverywhere) {
  TestBrowser here = LoggedIn(*here_, "lead");
  TestBrowser there = here.At(*there_);
  EXPECT_EQ(there.Get("/api/v1/alerts").status, 200);
  EXPECT_EQ(there.Post("/api/v1/active").status, 200) << "a write";
  school_.clock().Advance(absl::Minutes(9));
  EXPECT_EQ(there.Get("/api/v1/alerts").status, 200);
  school_.clock().Advance(absl::Minutes(9));
  EXPECT_EQ(here.Get("/api/v1/alerts").status, 200) << "active at the other";
  EXPECT_EQ(there.Post("/api/v1/logout").status, 200);
  EXPECT_EQ(here.Get("/api/v1/alerts").status, 401);
}

TEST_F(SharedLogInTest, ANewPasswordAtOneThrowsAThiefOutOfTheOther) {
  TestBrowser mine = LoggedIn(*here_, "lead");
  TestBrowser thief = LoggedIn(*there_, "lead");
  ASSERT_EQ(
      mine.Post("/api/v1/password", {{"old_password", TestSchool::kPassword},
                                     {"new_password", "another horse battery"}})
          .status,
      200);
  EXPECT_EQ(thief.Get("/api/v1/alerts").status, 401);
  EXPECT_EQ(mine.Get("/api/v1/alerts").status, 200);
}

TEST_F(SharedLogInTest, ANameIsAskedForHereAgreedOnThereAndOpenedOnce) {
  const seal::BoxKey key = seal::BoxKey::Generate();
  const uint64_t alert = school_.AddAlert("P-000001", v1::SEVERITY_SERIOUS);
  school_.SealLogin("P-000001", key);
  TestBrowser lead = LoggedIn(*here_, "lead");
  TestBrowser head = LoggedIn(*there_, "head");
  const json question = {
      {"reason", "to talk with the family"},
      {"key", seal::ToHex(seal::BoxKey::Generate().public_key())}};
  const std::string ask = absl::StrCat("/api/v1/alerts/", alert, "/name");
  const Response asked = lead.Post(ask, question);
  ASSERT_EQ(asked.status, 200) << asked.body;
  const std::string id =
      absl::StrCat(TestBrowser::Json(asked)["id"].get<uint64_t>());
  EXPECT_EQ(lead.At(*there_).Post(ask, question).status, 409) << "asked twice";
  const std::string share(162, 'a');
  ASSERT_EQ(
      head.Post("/api/v1/names/" + id + "/approve", {{"sealed_share", share}})
          .status,
      200);
  const Response opened =
      lead.At(*there_).Post("/api/v1/names/" + id + "/open");
  ASSERT_EQ(opened.status, 200) << opened.body;
  EXPECT_EQ(TestBrowser::Json(opened)["sealed_share"], share);
  EXPECT_EQ(lead.Post("/api/v1/names/" + id + "/open").status, 409);
  // The next one has another number, at either.
  const Response next = lead.At(*there_).Post(ask, question);
  ASSERT_EQ(next.status, 200) << next.body;
  EXPECT_NE(absl::StrCat(TestBrowser::Json(next)["id"].get<uint64_t>()), id);
}

// Half an hour later nobody could say who let it pass.
TEST_F(SharedLogInTest, ARequestThatEndsByItselfIsOnRecordOnce) {
  TestBrowser lead = LoggedIn(*here_, "lead");
  const Response asked =
      lead.Post("/api/v1/records",
                {{"login", "a.khan"}, {"reason", "asked for by the parents"}});
  ASSERT_EQ(asked.status, 200) << asked.body;
  TestBrowser dpo = LoggedIn(*there_, "dpo");
  EXPECT_EQ(TestBrowser::Json(dpo.Get("/api/v1/records"))["requests"].size(),
            1u);
  school_.clock().Advance(absl::Hours(24));
  LoggedIn(*there_, "dpo").Get("/api/v1/records");
  LoggedIn(*here_, "lead").Get("/api/v1/records");
  int expired = 0;
  for (const AuditEntry& entry : school_.Audit()) {
    expired += entry.action == "expire_record";
  }
  EXPECT_EQ(expired, 1);
}

TEST_F(SharedLogInTest, ALogInAtTheDirectoryMayComeBackToAnother) {
  ASSERT_TRUE(school_.stores()
                  .identities->Put({"lead", "a.patel@oak.test", "", ""})
                  .ok());
  TestBrowser here(*here_);
  here.host = "sg.oak.test:4443";
  const Response begun = here.Post("/api/v1/directory/begin");
  ASSERT_EQ(begun.status, 200) << begun.body;
  const std::string go = TestBrowser::Json(begun)["go"];
  const json brought = {{"code", idp_.LogIn(go)},
                        {"state", ScriptedProvider::QueryOf(go)["state"]}};
  // What the browser does not have, nobody can read out of the store.
  ASSERT_TRUE(store_
                  .Change("directory", school_.clock().SinceBoot(),
                          [&](auto& all) {
                            ASSERT_EQ(all.size(), 1u);
                            EXPECT_EQ(all[0].body.find(
                                          brought["state"].get<std::string>()),
                                      std::string::npos);
                          })
                  .ok());
  TestBrowser there = here.At(*there_);
  const Response in = there.Post("/api/v1/directory/finish", brought);
  ASSERT_EQ(in.status, 200) << in.body;
  EXPECT_EQ(there.At(*here_).Get("/api/v1/alerts").status, 200);
  EXPECT_EQ(here.Post("/api/v1/directory/finish", brought).status, 401)
      << "good once, wherever";
}

// While PostgreSQL fails over, everybody would be sent to the log-in page.
TEST_F(SharedLogInTest, AStoreThatIsAwayLogsNobodyOut) {
  TestBrowser lead = LoggedIn(*here_, "lead");
  store_.away = true;
  EXPECT_EQ(lead.Get("/api/v1/alerts").status, 503);
  EXPECT_EQ(lead.Get("/api/v1/names").status, 503);
  TestBrowser other(*here_);
  EXPECT_EQ(other.LogIn("head").status, 503);
  EXPECT_TRUE(other.cookie.empty());
  store_.away = false;
  EXPECT_EQ(lead.Get("/api/v1/alerts").status, 200);
  EXPECT_EQ(lead.Get("/api/v1/names").status, 200);
}

}  // namespace
}  // namespace schoolgate::collector
