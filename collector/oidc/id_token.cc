#include "collector/oidc/id_token.h"

#include <cjose/cjose.h>
#include <sodium.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr size_t kTokenLimit = 16 << 10;
constexpr size_t kKeysLimit = 100;
constexpr size_t kModulusLeast = 2048 / 8;
constexpr size_t kModulusMost = 8192 / 8;
constexpr size_t kSubjectLimit = 255;  // OpenID Connect Core, 2
constexpr size_t kEmailLimit = 254;
constexpr absl::Duration kSkew = absl::Minutes(1);

struct CjoseEnds {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  void operator()(cjose_jws_t* token) const { cjose_jws_release(token); }
};
using Key = std::unique_ptr<cjose_jwk_t, CjoseEnds>;
using SignedToken = std::unique_ptr<cjose_jws_t, CjoseEnds>;

absl::Status Denied(const std::string& why) {
  return absl::PermissionDeniedError(absl::StrCat("ID token: ", why));
}

std::string Member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string();
}

// Without padding and without anything else (RFC 7515, 2).
std::optional<std::string> FromBase64Url(const std::string& text) {
  std::string bytes(text.size(), '\0');
  size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()),
                        bytes.size(), text.data(), text.size(), nullptr, &size,
                        &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  bytes.resize(size);
  return bytes;
}

Key Import(const std::string& jwk) {
  cjose_err error;
  return Key(cjose_jwk_import(jwk.data(), jwk.size(), &error));
}

// "RS256", "ES256", or empty: not a key for us.
std::string AlgorithmOf(const json& key) {
  if (key.contains("use") && Member(key, "use") != "sig") return "";
  if (key.contains("key_ops") &&
      !absl::StrContains(key["key_ops"].dump(), "\"verify\"")) {
    return "";
  }
  std::string algorithm;
  if (Member(key, "kty") == "RSA") {
    algorithm = "RS256";
    const std::optional<std::string> modulus = FromBase64Url(Member(key, "n"));
    if (!modulus) return "";
    const size_t bytes =
        modulus->size() -
        std::min(modulus->find_first_not_of('\0'), modulus->size());
    if (bytes < kModulusLeast || bytes > kModulusMost) return "";
  } else if (Member(key, "kty") == "EC" && Member(key, "crv") == "P-256") {
    algorithm = "ES256";
  }
  return !key.contains("alg") || Member(key, "alg") == algorithm ? algorithm
                                                                 : "";
}

struct Header {
  std::string algorithm, key_id;
};

absl::StatusOr<Header> ReadHeader(const std::string& token) {
  if (token.size() > kTokenLimit) return Denied("longer than 16 KB");
  const size_t dot = token.find('.');
  const std::optional<std::string> text = FromBase64Url(token.substr(0, dot));
  const json header = text ? json::parse(*text, nullptr, false)
                           : json(json::value_t::discarded);
  if (!header.is_object()) return Denied("its header cannot be read");
  if (header.contains("crit") || header.contains("enc")) {
    return Denied("wants something that is not known here (crit, enc)");
  }
  if (header.contains("typ") &&
      !absl::EqualsIgnoreCase(Member(header, "typ"), "JWT")) {
    return Denied("is a token of another kind");
  }
  Header read{Member(header, "alg"), Member(header, "kid")};
  if (read.algorithm != "RS256" && read.algorithm != "ES256") {
    return Denied(
        "not signed with RS256 or ES256: choose one of them at the provider");
  }
  return read;
}

// The bytes that were signed.
absl::StatusOr<std::string> Signed(const std::string& token,
                                   const TokenKey& key,
                                   const std::string& algorithm) {
  cjose_err error;
  const SignedToken parsed(
      cjose_jws_import(token.data(), token.size(), &error));
  if (parsed == nullptr) return Denied("cannot be read");
  const char* named = cjose_header_get(cjose_jws_get_protected(parsed.get()),
                                       CJOSE_HDR_ALG, &error);
  if (named == nullptr || named != algorithm) {
    return Denied("names two algorithms");
  }
  const Key imported = Import(key.jwk);
  if (imported == nullptr ||
      !cjose_jws_verify(parsed.get(), imported.get(), &error)) {
    return Denied("the signature is not the provider's");
  }
  uint8_t* bytes = nullptr;
  size_t size = 0;
  if (!cjose_jws_get_plaintext(parsed.get(), &bytes, &size, &error)) {
    return Denied("cannot be read");
  }
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

std::optional<absl::Time> TimeOf(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  const double seconds = found->get<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e11) {
    return std::nullopt;
  }
  return absl::FromUnixSeconds(static_cast<int64_t>(seconds));
}

absl::Status CheckAudience(const json& claims, const std::string& client_id) {
  const json audience = claims.value("aud", json());
  const bool one = audience.is_string();
  bool ours = one && audience == client_id;
  if (audience.is_array()) {
    for (const json& each : audience) ours = ours || each == client_id;
  }
  if (!ours) return Denied("made for another program than this (aud)");
  const bool several = !one && audience.size() > 1;
  if ((several || claims.contains("azp")) &&
      Member(claims, "azp") != client_id) {
    return Denied("made for another program than this (azp)");
  }
  return absl::OkStatus();
}

absl::Status CheckTimes(const json& claims, const TokenWanted& wanted) {
  const std::optional<absl::Time> ends = TimeOf(claims, "exp");
  const std::optional<absl::Time> made = TimeOf(claims, "iat");
  if (!ends || !made) return Denied("does not say when it was made and ends");
  if (*ends + kSkew <= wanted.now) {
    return Denied("has expired: compare the clocks of both servers");
  }
  if (*made > wanted.now + kSkew) {
    return Denied("from the future: compare the clocks of both servers");
  }
  const std::optional<absl::Time> from = TimeOf(claims, "nbf");
  if (claims.contains("nbf") && (!from || *from > wanted.now + kSkew)) {
    return Denied("is not good yet (nbf)");
  }
  if (wanted.fresh == absl::ZeroDuration()) return absl::OkStatus();
  const std::optional<absl::Time> shown = TimeOf(claims, "auth_time");
  if (!shown) {
    return Denied(
        "does not say when the person logged in (auth_time): where the "
        "provider cannot, set fresh_minutes to 0");
  }
  if (*shown > wanted.now + kSkew ||
      *shown + wanted.fresh + kSkew < wanted.now) {
    return Denied("the person logged in too long ago (auth_time)");
  }
  return absl::OkStatus();
}

bool Equal(const std::string& a, const std::string& b) {
  return a.size() == b.size() &&
         sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

absl::StatusOr<std::vector<TokenKey>> ParseTokenKeys(const std::string& jwks) {
  const json set = json::parse(jwks, nullptr, false);
  if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array()) {
    return absl::InvalidArgumentError("not a set of keys (RFC 7517)");
  }
  std::vector<TokenKey> keys;
  for (const json& one : set["keys"]) {
    if (!one.is_object() || keys.size() >= kKeysLimit) continue;
    const std::string algorithm = AlgorithmOf(one);
    if (algorithm.empty()) continue;
    json bare = {{"kty", one["kty"]}};
    const bool rsa = algorithm == "RS256";
    for (const char* name : rsa ? std::vector<const char*>{"n", "e"}
                                : std::vector<const char*>{"crv", "x", "y"}) {
      bare[name] = Member(one, name);
    }
    TokenKey key{Member(one, "kid"), algorithm, bare.dump()};
    if (Import(key.jwk) != nullptr) keys.push_back(std::move(key));
  }
  return keys;
}

absl::StatusOr<TokenClaims> VerifyIdToken(const std::string& token,
                                          const std::vector<TokenKey>& keys,
                                          const TokenWanted& wanted) {
  const absl::StatusOr<Header> header = ReadHeader(token);
  if (!header.ok()) return header.status();
  const TokenKey* key = nullptr;
  for (const TokenKey& one : keys) {
    if (one.algorithm != header->algorithm) continue;
    if (!header->key_id.empty() && one.id != header->key_id) continue;
    if (key != nullptr) return Denied("two keys could have signed it (kid)");
    key = &one;
  }
  if (key == nullptr) {
    return absl::NotFoundError("ID token: signed with a key that is not known");
  }
  const absl::StatusOr<std::string> bytes =
      Signed(token, *key, header->algorithm);
  if (!bytes.ok()) return bytes.status();
  const json claims = json::parse(*bytes, nullptr, false);
  if (!claims.is_object()) return Denied("says nothing");
  if (Member(claims, "iss") != wanted.issuer) {
    return Denied("made by another provider (iss)");
  }
  if (absl::Status fits = CheckAudience(claims, wanted.client_id); !fits.ok()) {
    return fits;
  }
  if (absl::Status fits = CheckTimes(claims, wanted); !fits.ok()) return fits;
  if (wanted.nonce.empty() || !Equal(Member(claims, "nonce"), wanted.nonce)) {
    return Denied("made for another log-in (nonce)");
  }
  TokenClaims read;
  read.subject = Member(claims, "sub");
  if (read.subject.empty() || read.subject.size() > kSubjectLimit) {
    return Denied("does not say who it is about (sub)");
  }
  const std::string email = absl::AsciiStrToLower(Member(claims, "email"));
  if (claims.value("email_verified", json()) == json(true) &&
      email.size() <= kEmailLimit) {
    read.verified_email = email;
  }
  return read;
}

}  // namespace schoolgate::collector
