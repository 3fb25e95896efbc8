#include "collector/oidc/provider.h"

#include <sodium.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "platform/check.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr absl::Duration kKeepEndpoints = absl::Hours(1);
// A provider that is away is not asked by every visitor.
constexpr absl::Duration kKeepFailure = absl::Seconds(5);
constexpr absl::Duration kKeepKeys = absl::Hours(1);
constexpr absl::Duration kKeysAtMostEvery = absl::Minutes(1);
constexpr size_t kTextLimit = 2000;
constexpr int kMostFreshMinutes = 24 * 60;
constexpr int kForm = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

std::string Base64(const unsigned char* bytes, size_t size, int form) {
  std::string text(sodium_base64_encoded_len(size, form), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes, size, form);
  text.resize(text.size() - 1);
  return text;
}

std::string Random() {
  std::array<unsigned char, 32> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  return Base64(bytes.data(), bytes.size(), kForm);
}

std::string Challenge(const std::string& verifier) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash;
  crypto_hash_sha256(hash.data(),
                     reinterpret_cast<const unsigned char*>(verifier.data()),
                     verifier.size());
  return Base64(hash.data(), hash.size(), kForm);
}

// RFC 3986's unreserved stay as they are.
std::string Escaped(const std::string& text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (isalnum(byte) != 0 || absl::StrContains("-._~", c)) {
      escaped.push_back(c);
    } else {
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return escaped;
}

std::string Query(
    const std::vector<std::pair<const char*, std::string>>& members) {
  std::string query;
  for (const auto& [name, value] : members) {
    absl::StrAppend(&query, query.empty() ? "" : "&", name, "=",
                    Escaped(value));
  }
  return query;
}

absl::Status Unusable(const std::string& what) {
  return absl::UnavailableError(absl::StrCat("OpenID provider: ", what));
}

std::string Member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string();
}

bool Lists(const json& object, const char* name, const char* value) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return false;
  for (const json& each : *found) {
    if (each == value) return true;
  }
  return false;
}

}  // namespace

absl::Status CheckOidcConfig(const OidcConfig& config) {
  const auto wrong = [](const std::string& why) {
    return absl::InvalidArgumentError(why);
  };
  if (absl::Status url = CheckFetchUrl(config.issuer); !url.ok()) {
    return wrong(absl::StrCat("issuer: ", url.message()));
  }
  if (absl::StrContains(config.issuer, '?') ||
      absl::StrContains(config.issuer, '#')) {
    return wrong("issuer: an address without ? and #");
  }
  if (config.client_id.empty()) {
    return wrong("client_id: what the provider calls this program is missing");
  }
  const absl::string_view rest =
      absl::StripPrefix(config.dashboard, "https://");
  if (rest.size() == config.dashboard.size() || rest.empty() ||
      rest.find_first_of(" /?#@\\") != rest.npos) {
    return wrong(
        "dashboard: where people open it, like https://host or "
        "https://host:4443, without anything behind");
  }
  if (config.fresh_minutes < 0 || config.fresh_minutes > kMostFreshMinutes) {
    return wrong("fresh_minutes: a number of minutes up to 1440, or 0");
  }
  return absl::OkStatus();
}

OidcProvider::OidcProvider(OidcConfig config, std::string client_secret,
                           Fetch fetch, const platform::Clock& clock)
    : config_(std::move(config)),
      client_secret_(std::move(client_secret)),
      fetch_(std::move(fetch)),
      clock_(clock),
      endpoints_(Unusable("not asked yet")) {
  SG_CHECK(sodium_init() >= 0);
}

std::string OidcProvider::ReturnAddress() const {
  return config_.dashboard + "/signed-in";
}

absl::StatusOr<OidcProvider::Endpoints> OidcProvider::DiscoverNow() {
  const std::string address =
      absl::StrCat(absl::StripSuffix(config_.issuer, "/"),
                   "/.well-known/openid-configuration");
  const absl::StatusOr<Fetched> answer =
      fetch_({.url = address, .ca_file = config_.ca_file});
  if (!answer.ok()) {
    return Unusable(absl::StrCat(address, ": ", answer.status().message()));
  }
  if (answer->status != 200) {
    return Unusable(absl::StrCat(address, ": answered with ", answer->status));
  }
  const json document = json::parse(answer->body, nullptr, false);
  if (!document.is_object()) {
    return Unusable(absl::StrCat(address, ": is no description of a provider"));
  }
  if (Member(document, "issuer") != config_.issuer) {
    return Unusable(absl::StrCat(
        address, ": describes another issuer than collector.yaml: write both ",
        "alike, to the last character"));
  }
  Endpoints found;
  found.authorization = Member(document, "authorization_endpoint");
  found.token = Member(document, "token_endpoint");
  found.keys = Member(document, "jwks_uri");
  for (const std::string& one :
       {found.authorization, found.token, found.keys}) {
    if (absl::Status url = CheckFetchUrl(one); !url.ok()) {
      return Unusable(absl::StrCat(address, ": ", url.message()));
    }
  }
  const char* methods = "token_endpoint_auth_methods_supported";
  found.secret_in_form = document.contains(methods) &&
                         !Lists(document, methods, "client_secret_basic");
  found.names_itself =
      document.value("authorization_response_iss_parameter_supported",
                     json()) == json(true);
  return found;
}

absl::StatusOr<OidcProvider::Endpoints> OidcProvider::Discover() {
  const std::lock_guard lock(mutex_);
  const absl::Duration now = clock_.SinceBoot();
  const absl::Duration keep = endpoints_.ok() ? kKeepEndpoints : kKeepFailure;
  if (now - discovered_ < keep) return endpoints_;
  endpoints_ = DiscoverNow();
  discovered_ = clock_.SinceBoot();
  return endpoints_;
}

absl::StatusOr<std::vector<TokenKey>> OidcProvider::Keys(
    const Endpoints& endpoints, bool anew) {
  const std::lock_guard lock(mutex_);
  const absl::Duration age = clock_.SinceBoot() - keys_fetched_;
  if (age < (anew ? kKeysAtMostEvery : kKeepKeys)) return keys_;
  const absl::StatusOr<Fetched> answer =
      fetch_({.url = endpoints.keys, .ca_file = config_.ca_file});
  if (!answer.ok()) {
    return Unusable(
        absl::StrCat(endpoints.keys, ": ", answer.status().message()));
  }
  if (answer->status != 200) {
    return Unusable(
        absl::StrCat(endpoints.keys, ": answered with ", answer->status));
  }
  absl::StatusOr<std::vector<TokenKey>> keys = ParseTokenKeys(answer->body);
  if (!keys.ok()) {
    return Unusable(
        absl::StrCat(endpoints.keys, ": ", keys.status().message()));
  }
  if (keys->empty()) {
    return Unusable(absl::StrCat(
        endpoints.keys, ": has no key for RS256 (2048 bits) or ES256"));
  }
  keys_ = *std::move(keys);
  keys_fetched_ = clock_.SinceBoot();
  return keys_;
}

absl::StatusOr<OidcLogIn> OidcProvider::Begin() {
  const absl::StatusOr<Endpoints> endpoints = Discover();
  if (!endpoints.ok()) return endpoints.status();
  OidcLogIn log_in{"", Random(), Random(), Random()};
  std::vector<std::pair<const char*, std::string>> members = {
      {"response_type", "code"},
      {"client_id", config_.client_id},
      {"redirect_uri", ReturnAddress()},
      {"scope", "openid email"},
      {"state", log_in.state},
      {"nonce", log_in.nonce},
      {"code_challenge", Challenge(log_in.verifier)},
      {"code_challenge_method", "S256"}};
  if (config_.fresh_minutes > 0) {
    members.emplace_back("max_age", absl::StrCat(config_.fresh_minutes * 60));
  }
  const bool more = absl::StrContains(endpoints->authorization, '?');
  log_in.address =
      absl::StrCat(endpoints->authorization, more ? "&" : "?", Query(members));
  return log_in;
}

absl::StatusOr<std::string> OidcProvider::Redeem(const Endpoints& endpoints,
                                                 const OidcLogIn& log_in,
                                                 const std::string& code) {
  std::vector<std::pair<const char*, std::string>> members = {
      {"grant_type", "authorization_code"},
      {"code", code},
      {"redirect_uri", ReturnAddress()},
      {"code_verifier", log_in.verifier}};
  FetchCall call{.url = endpoints.token, .ca_file = config_.ca_file};
  const bool basic = !client_secret_.empty() && !endpoints.secret_in_form;
  if (basic) {
    const std::string both =
        absl::StrCat(Escaped(config_.client_id), ":", Escaped(client_secret_));
    call.authorization = absl::StrCat(
        "Basic ", Base64(reinterpret_cast<const unsigned char*>(both.data()),
                         both.size(), sodium_base64_VARIANT_ORIGINAL));
  } else {
    members.emplace_back("client_id", config_.client_id);
    if (!client_secret_.empty()) {
      members.emplace_back("client_secret", client_secret_);
    }
  }
  call.form = Query(members);
  const absl::StatusOr<Fetched> answer = fetch_(call);
  if (!answer.ok()) {
    return Unusable(absl::StrCat(call.url, ": ", answer.status().message()));
  }
  const json body = json::parse(answer->body, nullptr, false);
  const std::string error = body.is_object() ? Member(body, "error") : "";
  if (error == "invalid_grant") {
    return absl::UnauthenticatedError("OpenID provider: the code is not good");
  }
  if (answer->status != 200 || !body.is_object()) {
    return Unusable(absl::StrCat(
        call.url, ": answered with ", answer->status,
        error == "invalid_client" ? " (invalid_client): compare client_id and "
                                    "the secret with the provider's"
                                  : ""));
  }
  const std::string token = Member(body, "id_token");
  if (token.empty()) {
    return Unusable(absl::StrCat(call.url, ": gave no ID token"));
  }
  return token;
}

absl::StatusOr<TokenClaims> OidcProvider::Finish(const OidcLogIn& log_in,
                                                 const std::string& code,
                                                 const std::string& issuer) {
  const absl::StatusOr<Endpoints> endpoints = Discover();
  if (!endpoints.ok()) return endpoints.status();
  // Another provider's answer, slipped in (RFC 9207).
  if (issuer.empty() ? endpoints->names_itself : issuer != config_.issuer) {
    return absl::PermissionDeniedError(
        "OpenID provider: the answer is another provider's (iss)");
  }
  if (code.empty() || code.size() > kTextLimit) {
    return absl::UnauthenticatedError("OpenID provider: gave no code");
  }
  const absl::StatusOr<std::string> token = Redeem(*endpoints, log_in, code);
  if (!token.ok()) return token.status();
  const TokenWanted wanted{config_.issuer, config_.client_id, log_in.nonce,
                           clock_.Now(), absl::Minutes(config_.fresh_minutes)};
  absl::StatusOr<TokenClaims> claims = absl::NotFoundError("");
  for (const bool anew : {false, true}) {
    const absl::StatusOr<std::vector<TokenKey>> keys = Keys(*endpoints, anew);
    if (!keys.ok()) return keys.status();
    claims = VerifyIdToken(*token, *keys, wanted);
    if (!absl::IsNotFound(claims.status())) return claims;
  }
  return absl::PermissionDeniedError(claims.status().message());
}

absl::Status OidcProvider::Check() {
  const absl::StatusOr<Endpoints> endpoints = Discover();
  if (!endpoints.ok()) return endpoints.status();
  return Keys(*endpoints, false).status();
}

}  // namespace schoolgate::collector
