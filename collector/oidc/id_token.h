// Whether an ID token is what it claims to be: signature and claims, as
// OpenID Connect Core 1.0, 3.1.3.7 wants them. The one home of libcjose.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

// A public key that may sign ID tokens (RFC 7517).
struct TokenKey {
  std::string id;         // kid; may be empty
  std::string algorithm;  // "RS256" or "ES256"
  std::string jwk;        // its public members alone, as JSON
};

// Keys of other kinds, for other uses, too short or damaged are left out: a
// provider may publish them for others. INVALID_ARGUMENT: not a set of keys.
absl::StatusOr<std::vector<TokenKey>> ParseTokenKeys(const std::string& jwks);

struct TokenWanted {
  std::string issuer;
  std::string client_id;
  std::string nonce;
  absl::Time now;
  // The person showed at most so long ago who they are; zero: whenever.
  absl::Duration fresh;
};

struct TokenClaims {
  std::string subject;
  // Lower case; only when the provider says that it is theirs.
  std::string verified_email;
};

// `token`: from the provider, hostile until it has passed. NOT_FOUND: none of
// these keys signed it. Every other refusal is PERMISSION_DENIED with why, in
// words for whoever runs the collector; it quotes nothing of a person.
absl::StatusOr<TokenClaims> VerifyIdToken(const std::string& token,
                                          const std::vector<TokenKey>& keys,
                                          const TokenWanted& wanted);

}  // namespace schoolgate::collector
