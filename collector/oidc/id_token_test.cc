#include "collector/oidc/id_token.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <nlohmann/json.hpp>

#include "collector/oidc/token_maker_test.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

class IdTokenTest : public testing::Test {
 protected:
  absl::StatusOr<TokenClaims> Verify(const std::string& token) {
    return VerifyIdToken(token, *ParseTokenKeys(KeySet({&rsa_, &ec_})),
                         wanted_);
  }

  // What `change` makes of good claims, well signed, is refused, and why.
  std::string WhyNot(const std::function<void(json&)>& change) {
    json claims = GoodClaims(wanted_);
    change(claims);
    const auto verified = Verify(rsa_.Sign(claims));
    if (verified.ok()) return "taken";
    EXPECT_TRUE(absl::IsPermissionDenied(verified.status()))
        << verified.status();
    return std::string(verified.status().message());
  }

  const TokenMaker rsa_ = TokenMaker::Rsa("r1");
  const TokenMaker ec_ = TokenMaker::Ec("e1");
  TokenWanted wanted_{"https://idp.test", "schoolgate", "n-0S6_WzA2Mj",
                      absl::FromUnixSeconds(1'795'338'000), absl::Minutes(10)};
};

TEST_F(IdTokenTest, AGoodOneOfEitherKindSaysWhoItIs) {
  for (const TokenMaker* maker : {&rsa_, &ec_}) {
    const auto claims = Verify(maker->Sign(GoodClaims(wanted_)));
    ASSERT_TRUE(claims.ok()) << claims.status();
    EXPECT_EQ(claims->subject, "248289761001");
    EXPECT_EQ(claims->verified_email, "a.patel@oak.test");
  }
}

TEST_F(IdTokenTest, AnAddressThatNobodyConfirmedIsNone) {
  for (const json& said : {json(false), json("true"), json(1), json()}) {
    json claims = GoodClaims(wanted_);
    claims["email_verified"] = said;
    EXPECT_EQ(Verify(rsa_.Sign(claims))->verified_email, "") << said;
  }
}

TEST_F(IdTokenTest, EveryClaimIsLookedAt) {
  const int64_t now = absl::ToUnixSeconds(wanted_.now);
  const struct {
    const char* name;
    json value;
    const char* why;
  } wrong[] = {{"iss", "https://evil.test", "(iss)"},
               {"iss", json(), "(iss)"},
               {"iss", "https://idp.test/", "(iss)"},
               {"aud", "other", "(aud)"},
               {"aud", json(), "(aud)"},
               {"aud", json::array({"other"}), "(aud)"},
               {"aud", json::array({"schoolgate", "other"}), "(azp)"},
               {"azp", "other", "(azp)"},
               {"nonce", "another", "(nonce)"},
               {"nonce", json(), "(nonce)"},
               {"exp", now - 61, "expired"},
               {"exp", json(), "when it was made"},
               {"exp", "soon", "when it was made"},
               {"iat", now + 120, "from the future"},
               {"iat", json(), "when it was made"},
               {"nbf", now + 120, "(nbf)"},
               {"auth_time", now - 700, "(auth_time)"},
               {"auth_time", now + 120, "(auth_time)"},
               {"auth_time", json(), "(auth_time)"},
               {"sub", "", "(sub)"},
               {"sub", json(), "(sub)"},
               {"sub", std::string(256, 'a'), "(sub)"}};
  for (const auto& [name, value, why] : wrong) {
    const std::string said = WhyNot([&](json& claims) {
      if (value.is_null()) {
        claims.erase(name);
      } else {
        claims[name] = value;
      }
    });
    EXPECT_NE(said.find(why), std::string::npos)
        << name << "=" << value << ": " << said;
  }
  EXPECT_EQ(WhyNot([&](json& claims) {
              claims["aud"] = json::array({"schoolgate", "other"});
              claims["azp"] = "schoolgate";
            }),
            "taken");
}

TEST_F(IdTokenTest, WhereItNeedNotBeFreshItMayBeOld) {
  wanted_.fresh = absl::ZeroDuration();
  EXPECT_EQ(WhyNot([](json& claims) { claims.erase("auth_time"); }), "taken");
}

std::string Url64(const std::string& bytes) { return TokenMaker::Url64(bytes); }

// The classics: no signature, and the public key used as a password.
TEST_F(IdTokenTest, NoneAndHmacAreNeverTaken) {
  const std::string body = Url64(GoodClaims(wanted_).dump());
  for (const char* alg : {"none", "None", "nOnE", ""}) {
    const std::string head = Url64(json{{"alg", alg}, {"kid", "r1"}}.dump());
    EXPECT_TRUE(
        absl::IsPermissionDenied(Verify(head + "." + body + ".").status()));
    EXPECT_FALSE(Verify(head + "." + body).ok());
    EXPECT_FALSE(Verify(head + "." + body + ".AAAA").ok());
  }
  const std::string head = Url64(json{{"alg", "HS256"}, {"kid", "r1"}}.dump());
  const std::string text = head + "." + body;
  for (const std::string& secret :
       {rsa_.PublicJwk(), json::parse(rsa_.PublicJwk())["n"].get<std::string>(),
        std::string("r1"), std::string()}) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac,
         &size);
    const auto verified =
        Verify(text + "." + Url64({reinterpret_cast<char*>(mac), size}));
    EXPECT_TRUE(absl::IsPermissionDenied(verified.status()))
        << verified.status();
  }
}

TEST_F(IdTokenTest, OnlyTheNamedKeyCounts) {
  const TokenMaker stranger = TokenMaker::Rsa("r1");  // its name, not the key
  EXPECT_TRUE(absl::IsPermissionDenied(
      Verify(stranger.Sign(GoodClaims(wanted_))).status()));
  const TokenMaker later = TokenMaker::Rsa("r2");
  EXPECT_TRUE(
      absl::IsNotFound(Verify(later.Sign(GoodClaims(wanted_))).status()));
  // The key of the other kind under this name.
  const std::string token = rsa_.Sign(GoodClaims(wanted_));
  const auto keys = ParseTokenKeys(KeySet({&ec_}));
  EXPECT_TRUE(absl::IsNotFound(VerifyIdToken(token, *keys, wanted_).status()));
}

TEST_F(IdTokenTest, EveryChangedByteIsFound) {
  for (const TokenMaker* maker : {&rsa_, &ec_}) {
    const std::string token = maker->Sign(GoodClaims(wanted_));
    // The last character holds bits that are not part of the signature.
    for (size_t i = 0; i + 1 < token.size(); ++i) {
      std::string changed = token;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(Verify(changed).ok()) << i;
    }
    for (size_t i = 0; i < token.size(); i += 7) {
      EXPECT_FALSE(Verify(token.substr(0, i)).ok()) << i;
    }
  }
}

TEST_F(IdTokenTest, WhatItWantsAndIsNotKnownIsRefused) {
  const json claims = GoodClaims(wanted_);
  EXPECT_FALSE(Verify(rsa_.Sign(claims, {{"crit", {"b64"}}})).ok());
  EXPECT_FALSE(Verify(rsa_.Sign(claims, {{"typ", "at+jwt"}})).ok());
  EXPECT_TRUE(Verify(rsa_.Sign(claims, {{"typ", "JWT"}})).ok());
  EXPECT_FALSE(Verify(std::string(20000, 'a')).ok());
  EXPECT_FALSE(Verify("").ok());
  EXPECT_FALSE(Verify("..").ok());
}

TEST(TokenKeys, TakeOnlyWhatMaySignIdTokens) {
  const TokenMaker rsa = TokenMaker::Rsa("r1");
  const TokenMaker small = TokenMaker::Rsa("small", 1024);
  const TokenMaker ec = TokenMaker::Ec("e1");
  json set = json::parse(KeySet({&rsa, &small, &ec}));
  set["keys"].push_back({{"kty", "oct"}, {"k", "AAAA"}, {"kid", "o"}});
  json enc = set["keys"][0];
  enc["use"] = "enc";
  set["keys"].push_back(enc);
  json other = set["keys"][0];
  other["alg"] = "PS256";
  set["keys"].push_back(other);
  json nowhere = set["keys"][2];
  nowhere["x"] = nowhere["y"];  // not on the curve
  set["keys"].push_back(nowhere);
  set["keys"].push_back("rubbish");
  const auto keys = ParseTokenKeys(set.dump());
  ASSERT_TRUE(keys.ok());
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ((*keys)[0].id, "r1");
  EXPECT_EQ((*keys)[1].id, "e1");
  EXPECT_FALSE(ParseTokenKeys("{}").ok());
  EXPECT_FALSE(ParseTokenKeys("<html>").ok());
}

}  // namespace
}  // namespace schoolgate::collector
