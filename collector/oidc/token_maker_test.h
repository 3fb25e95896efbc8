// A provider's key and what it signs, for tests.
#pragma once

#include <cjose/cjose.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "collector/oidc/id_token.h"

namespace schoolgate::collector {

class TokenMaker {
 public:
  static TokenMaker Rsa(const std::string& id, size_t bits = 2048) {
    const unsigned char e[] = {1, 0, 1};
    cjose_err error;
    return {id, "RS256", cjose_jwk_create_RSA_random(bits, e, 3, &error)};
  }
  static TokenMaker Ec(const std::string& id) {
    cjose_err error;
    return {id, "ES256",
            cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error)};
  }

  static std::string Url64(const std::string& bytes) {
    constexpr int kForm = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    std::string text(sodium_base64_encoded_len(bytes.size(), kForm), '\0');
    sodium_bin2base64(text.data(), text.size(),
                      reinterpret_cast<const unsigned char*>(bytes.data()),
                      bytes.size(), kForm);
    text.resize(text.size() - 1);
    return text;
  }

  std::string Sign(const nlohmann::json& claims,
                   nlohmann::json header = {}) const {
    header["alg"] = algorithm_;
    header["kid"] = id_;
    cjose_err error;
    cjose_header_t* head = cjose_header_new(&error);
    for (const auto& [name, value] : header.items()) {
      const bool text = value.is_string();
      EXPECT_TRUE(text ? cjose_header_set(head, name.c_str(),
                                          value.get<std::string>().c_str(),
                                          &error)
                       : cjose_header_set_raw(head, name.c_str(),
                                              value.dump().c_str(), &error));
    }
    const std::string body = claims.dump();
    cjose_jws_t* signed_token = cjose_jws_sign(
        key_.get(), head, reinterpret_cast<const uint8_t*>(body.data()),
        body.size(), &error);
    EXPECT_NE(signed_token, nullptr);
    const char* text = nullptr;
    EXPECT_TRUE(cjose_jws_export(signed_token, &text, &error));
    const std::string token = text;
    cjose_jws_release(signed_token);
    cjose_header_release(head);
    return token;
  }

  std::string PublicJwk() const {
    cjose_err error;
    char* text = cjose_jwk_to_json(key_.get(), false, &error);
    nlohmann::json key = nlohmann::json::parse(text);
    cjose_get_dealloc()(text);
    key["kid"] = id_;
    return key.dump();
  }

 private:
  TokenMaker(std::string id, std::string algorithm, cjose_jwk_t* key)
      : id_(std::move(id)),
        algorithm_(std::move(algorithm)),
        key_(key, [](cjose_jwk_t* one) { cjose_jwk_release(one); }) {
    EXPECT_GE(sodium_init(), 0);
    EXPECT_NE(key, nullptr);
  }

  std::string id_, algorithm_;
  std::shared_ptr<cjose_jwk_t> key_;
};

inline std::string KeySet(const std::vector<const TokenMaker*>& makers) {
  nlohmann::json keys = nlohmann::json::array();
  for (const TokenMaker* one : makers) {
    keys.push_back(nlohmann::json::parse(one->PublicJwk()));
  }
  return nlohmann::json{{"keys", keys}}.dump();
}

inline nlohmann::json GoodClaims(const TokenWanted& wanted) {
  const int64_t now = absl::ToUnixSeconds(wanted.now);
  return {{"iss", wanted.issuer},  {"aud", wanted.client_id},
          {"nonce", wanted.nonce}, {"sub", "248289761001"},
          {"iat", now - 1},        {"exp", now + 300},
          {"auth_time", now - 60}, {"email", "A.Patel@oak.test"},
          {"email_verified", true}};
}

}  // namespace schoolgate::collector
