#include "collector/oidc/provider.h"

#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "collector/oidc/scripted_provider_test.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

class ProviderTest : public testing::Test {
 protected:
  std::unique_ptr<OidcProvider> Ours(std::string secret = "") {
    return std::make_unique<OidcProvider>(
        ScriptedProvider::Config(), std::move(secret), idp_.AsFetch(), clock_);
  }

  platform::ManualClock clock_{absl::FromUnixSeconds(1'795'338'000)};
  ScriptedProvider idp_{clock_};
};

TEST_F(ProviderTest, SendsABrowserWithEverythingThatTiesTheAnswerToIt) {
  const auto ours = Ours();
  const auto one = ours->Begin();
  ASSERT_TRUE(one.ok()) << one.status();
  const auto asked = ScriptedProvider::QueryOf(one->address);
  EXPECT_EQ(asked.at("response_type"), "code");
  EXPECT_EQ(asked.at("redirect_uri"), "https://sg.oak.test:4443/signed-in");
  EXPECT_EQ(asked.at("state"), one->state);
  EXPECT_EQ(asked.at("nonce"), one->nonce);
  EXPECT_EQ(asked.at("code_challenge_method"), "S256");
  EXPECT_EQ(asked.at("max_age"), "600");
  EXPECT_GE(one->verifier.size(), 43u);
  EXPECT_EQ(one->address.find(one->verifier), std::string::npos);
  const auto two = ours->Begin();
  EXPECT_NE(two->state, one->state);
  EXPECT_NE(two->nonce, one->nonce);
  EXPECT_NE(two->verifier, one->verifier);
}

TEST_F(ProviderTest, WhoComesBackIsKnown) {
  const auto ours = Ours();
  const auto begun = ours->Begin();
  const auto claims = ours->Finish(*begun, idp_.LogIn(begun->address), "");
  ASSERT_TRUE(claims.ok()) << claims.status();
  EXPECT_EQ(claims->subject, "248289761001");
}

TEST_F(ProviderTest, ACodeIsGoodOnceAndForItsOwnVerifier) {
  const auto ours = Ours();
  const auto begun = ours->Begin();
  const std::string code = idp_.LogIn(begun->address);
  ASSERT_TRUE(ours->Finish(*begun, code, "").ok());
  EXPECT_TRUE(absl::IsUnauthenticated(ours->Finish(*begun, code, "").status()));
  const auto other = ours->Begin();
  const std::string stolen = idp_.LogIn(begun->address);
  EXPECT_TRUE(
      absl::IsUnauthenticated(ours->Finish(*other, stolen, "").status()));
  EXPECT_FALSE(ours->Finish(*begun, "", "").ok());
  EXPECT_FALSE(ours->Finish(*begun, std::string(3000, 'a'), "").ok());
}

TEST_F(ProviderTest, TheSecretGoesTheWayTheProviderTakes) {
  for (const bool in_form : {false, true}) {
    idp_.document["token_endpoint_auth_methods_supported"] = {
        in_form ? "client_secret_post" : "client_secret_basic"};
    const auto ours = Ours("s&cret:1");
    const auto begun = ours->Begin();
    ASSERT_TRUE(ours->Finish(*begun, idp_.LogIn(begun->address), "").ok());
    EXPECT_EQ(
        idp_.last.form.find("client_secret=s%26cret%3A1") != std::string::npos,
        in_form);
    EXPECT_EQ(idp_.last.authorization,
              in_form ? "" : "Basic c2Nob29sZ2F0ZTpzJTI2Y3JldCUzQTE=");
  }
}

TEST_F(ProviderTest, AnswersOfAnotherProviderAreRefused) {
  const auto ours = Ours();
  const auto begun = ours->Begin();
  const std::string code = idp_.LogIn(begun->address);
  EXPECT_TRUE(absl::IsPermissionDenied(
      ours->Finish(*begun, code, "https://evil.test").status()));
  EXPECT_TRUE(ours->Finish(*begun, code, "https://idp.test").ok());
}

TEST_F(ProviderTest, WhoNamesItselfMustDoSo) {
  idp_.document["authorization_response_iss_parameter_supported"] = true;
  const auto ours = Ours();
  const auto begun = ours->Begin();
  const std::string code = idp_.LogIn(begun->address);
  EXPECT_TRUE(
      absl::IsPermissionDenied(ours->Finish(*begun, code, "").status()));
  EXPECT_TRUE(ours->Finish(*begun, code, "https://idp.test").ok());
}

TEST_F(ProviderTest, NewKeysAreFetchedAndOldOnesForgotten) {
  const auto ours = Ours();
  const auto first = ours->Begin();
  ASSERT_TRUE(ours->Finish(*first, idp_.LogIn(first->address), "").ok());
  const TokenMaker old = idp_.maker;
  idp_.maker = TokenMaker::Ec("next");
  clock_.Advance(absl::Minutes(2));
  const auto second = ours->Begin();
  EXPECT_TRUE(ours->Finish(*second, idp_.LogIn(second->address), "").ok());
  idp_.signs_with = old;  // withdrawn
  clock_.Advance(absl::Minutes(2));
  const auto third = ours->Begin();
  EXPECT_TRUE(absl::IsPermissionDenied(
      ours->Finish(*third, idp_.LogIn(third->address), "").status()));
}

// Else everybody who makes up a key could make us ask without end.
TEST_F(ProviderTest, UnknownKeysAreAskedForOnceAMinuteAtMost) {
  const auto ours = Ours();
  idp_.signs_with = TokenMaker::Rsa("made-up");
  for (int i = 0; i < 5; ++i) {
    const auto begun = ours->Begin();
    EXPECT_FALSE(ours->Finish(*begun, idp_.LogIn(begun->address), "").ok());
  }
  EXPECT_EQ(idp_.asked["https://idp.test/jwks"], 1);
  EXPECT_EQ(idp_.asked["https://idp.test/.well-known/openid-configuration"], 1);
}

TEST_F(ProviderTest, AProviderThatIsAwayIsToldAndNotAskedByEverybody) {
  const auto ours = Ours();
  idp_.away = true;
  for (int i = 0; i < 5; ++i) {
    const auto begun = ours->Begin();
    EXPECT_TRUE(absl::IsUnavailable(begun.status())) << begun.status();
  }
  EXPECT_EQ(idp_.asked["https://idp.test/.well-known/openid-configuration"], 1);
  idp_.away = false;
  clock_.Advance(absl::Seconds(6));
  EXPECT_TRUE(ours->Begin().ok());
  EXPECT_TRUE(ours->Check().ok());
}

TEST_F(ProviderTest, ADescriptionThatDoesNotFitIsNotUsed) {
  const json good = idp_.document;
  const std::pair<const char*, json> wrong[] = {
      {"issuer", "https://evil.test"},
      {"issuer", json()},
      {"authorization_endpoint", "http://idp.test/auth"},
      {"authorization_endpoint", "javascript:alert(1)"},
      {"token_endpoint", "file:///etc/passwd"},
      {"jwks_uri", json()}};
  for (const auto& [name, value] : wrong) {
    idp_.document = good;
    idp_.document[name] = value;
    EXPECT_TRUE(absl::IsUnavailable(Ours()->Begin().status())) << name;
  }
  idp_.document = "rubbish";
  EXPECT_TRUE(absl::IsUnavailable(Ours()->Begin().status()));
}

TEST(OidcConfig, EveryMistakeIsNamed) {
  const OidcConfig good = ScriptedProvider::Config();
  EXPECT_TRUE(CheckOidcConfig(good).ok());
  const std::pair<const char*, std::function<void(OidcConfig&)>> wrong[] = {
      {"issuer", [](OidcConfig& c) { c.issuer = "http://idp.test"; }},
      {"issuer", [](OidcConfig& c) { c.issuer = "https://idp.test?a"; }},
      {"client_id", [](OidcConfig& c) { c.client_id = ""; }},
      {"dashboard", [](OidcConfig& c) { c.dashboard = "sg.oak.test"; }},
      {"dashboard", [](OidcConfig& c) { c.dashboard = "https://a/b"; }},
      {"dashboard", [](OidcConfig& c) { c.dashboard = "http://a"; }},
      {"fresh_minutes", [](OidcConfig& c) { c.fresh_minutes = -1; }}};
  for (const auto& [key, change] : wrong) {
    OidcConfig config = good;
    change(config);
    const absl::Status status = CheckOidcConfig(config);
    EXPECT_EQ(status.message().substr(0, strlen(key)), key) << status;
  }
  OidcConfig here = good;
  here.issuer = "http://127.0.0.1:4000";
  EXPECT_TRUE(CheckOidcConfig(here).ok());
  here.issuer = "http://127.0.0.1.evil.test";
  EXPECT_FALSE(CheckOidcConfig(here).ok());
  here.issuer = "http://localhost@evil.test";
  EXPECT_FALSE(CheckOidcConfig(here).ok());
}

}  // namespace
}  // namespace schoolgate::collector
