// A provider that answers as a test wants it to, without a network. It keeps
// the rules of PKCE itself: it is not what is tested.
#pragma once

#include <sodium.h>

#include <map>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "collector/oidc/provider.h"
#include "collector/oidc/token_maker_test.h"
#include "platform/clock.h"

namespace schoolgate::collector {

class ScriptedProvider {
 public:
  explicit ScriptedProvider(const platform::Clock& clock) : clock_(clock) {}

  static OidcConfig Config() {
    OidcConfig config;
    config.issuer = "https://idp.test";
    config.client_id = "schoolgate";
    config.dashboard = "https://sg.oak.test:4443";
    return config;
  }

  static std::map<std::string, std::string> QueryOf(const std::string& text) {
    std::map<std::string, std::string> members;
    std::string rest = text.substr(text.find('?') + 1);
    while (!rest.empty()) {
      const std::string one = rest.substr(0, rest.find('&'));
      rest.erase(0, one.size() + 1);
      const size_t equal = one.find('=');
      members[one.substr(0, equal)] = Unescaped(one.substr(equal + 1));
    }
    return members;
  }

  // Somebody logs in there; the code that their browser brings back.
  std::string LogIn(const std::string& address) {
    const std::string code = "code-" + std::to_string(++codes_);
    granted_[code] = QueryOf(address);
    return code;
  }

  Fetch AsFetch() {
    return [this](const FetchCall& call) { return Answer(call); };
  }

  nlohmann::json document = {
      {"issuer", "https://idp.test"},
      {"authorization_endpoint", "https://idp.test/auth"},
      {"token_endpoint", "https://idp.test/token"},
      {"jwks_uri", "https://idp.test/jwks"}};
  TokenMaker maker = TokenMaker::Rsa("r1");
  std::optional<TokenMaker> signs_with;               // in place of `maker`
  nlohmann::json changes = nlohmann::json::object();  // of the claims
  bool away = false;
  std::map<std::string, int> asked;  // by address
  FetchCall last;                    // of those that posted

 private:
  static std::string Unescaped(const std::string& text) {
    std::string bytes;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        bytes.push_back(text[i]);
        continue;
      }
      bytes.push_back(
          static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)));
      i += 2;
    }
    return bytes;
  }

  static std::string Challenge(const std::string& verifier) {
    std::string hash(crypto_hash_sha256_BYTES, '\0');
    crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                       reinterpret_cast<const unsigned char*>(verifier.data()),
                       verifier.size());
    return TokenMaker::Url64(hash);
  }

  absl::StatusOr<Fetched> Answer(const FetchCall& call) {
    ++asked[call.url];
    if (!call.form.empty()) last = call;
    if (away) return absl::UnavailableError("Connection refused");
    if (call.url == "https://idp.test/.well-known/openid-configuration") {
      return Fetched{200, document.dump()};
    }
    if (call.url == "https://idp.test/jwks") {
      return Fetched{200, KeySet({&maker})};
    }
    auto form = QueryOf(call.form);
    const auto granted = granted_.find(form["code"]);
    if (granted == granted_.end() ||
        granted->second["code_challenge"] != Challenge(form["code_verifier"]) ||
        granted->second["redirect_uri"] != form["redirect_uri"]) {
      return Fetched{400, R"({"error":"invalid_grant"})"};
    }
    nlohmann::json claims =
        GoodClaims({"https://idp.test", "schoolgate", granted->second["nonce"],
                    clock_.Now(), absl::ZeroDuration()});
    granted_.erase(granted);
    claims.update(changes);
    const TokenMaker& signer = signs_with ? *signs_with : maker;
    return Fetched{200,
                   nlohmann::json{{"id_token", signer.Sign(claims)}}.dump()};
  }

  const platform::Clock& clock_;
  int codes_ = 0;
  std::map<std::string, std::map<std::string, std::string>> granted_;
};

}  // namespace schoolgate::collector
