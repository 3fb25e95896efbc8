// The school's own directory as an OpenID Connect provider: where to send a
// browser, and who it was that came back. Authorization code flow with PKCE
// (RFC 6749, RFC 7636, RFC 9207; OpenID Connect Core and Discovery 1.0).
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/oidc/fetch.h"
#include "collector/oidc/id_token.h"
#include "platform/clock.h"

namespace schoolgate::collector {

struct OidcConfig {
  std::string issuer;              // empty: no such log-in
  std::string client_id;           // what the provider calls us
  std::string client_secret_file;  // empty: none, PKCE alone
  std::string dashboard;           // "https://schoolgate.oak.example:4443"
  std::string name;                // of the button: "your school account"
  std::string ca_file;             // empty: the system's authorities
  // Somebody who logged in at the provider longer ago does so again; 0: not.
  int fresh_minutes = 10;

  bool operator==(const OidcConfig&) const = default;
};

// INVALID_ARGUMENT says which key is wrong and what is expected.
absl::Status CheckOidcConfig(const OidcConfig& config);

// One log-in under way. Secret: stays on the server, the address goes to the
// browser.
struct OidcLogIn {
  std::string address;
  std::string state, nonce, verifier;
};

// Thread-safe. Calls ask the provider and take as long as it does, some
// seconds at most.
class OidcProvider {
 public:
  // The clock must outlive it.
  OidcProvider(OidcConfig config, std::string client_secret, Fetch fetch,
               const platform::Clock& clock);

  const OidcConfig& config() const { return config_; }
  std::string ReturnAddress() const;

  // UNAVAILABLE: the provider does not answer, or with something that cannot
  // be used; says what.
  absl::StatusOr<OidcLogIn> Begin();

  // `code` and `issuer` (may be empty) are what the browser brought back; its
  // state has been compared. UNAVAILABLE: as above. UNAUTHENTICATED: the
  // provider does not take the code. PERMISSION_DENIED: its token is not good;
  // says why.
  absl::StatusOr<TokenClaims> Finish(const OidcLogIn& log_in,
                                     const std::string& code,
                                     const std::string& issuer);

  // Whether a log-in would work as far as can be told without a person.
  absl::Status Check();

 private:
  struct Endpoints {
    std::string authorization, token, keys;
    bool secret_in_form = false;
    bool names_itself = false;  // RFC 9207
  };

  absl::StatusOr<Endpoints> Discover();
  absl::StatusOr<Endpoints> DiscoverNow();
  // `anew`: also when some are known, but not more than once a minute.
  absl::StatusOr<std::vector<TokenKey>> Keys(const Endpoints& endpoints,
                                             bool anew);
  absl::StatusOr<std::string> Redeem(const Endpoints& endpoints,
                                     const OidcLogIn& log_in,
                                     const std::string& code);

  const OidcConfig config_;
  const std::string client_secret_;
  const Fetch fetch_;
  const platform::Clock& clock_;
  std::mutex mutex_;
  absl::StatusOr<Endpoints> endpoints_;
  absl::Duration discovered_ = -absl::InfiniteDuration();
  std::vector<TokenKey> keys_;
  absl::Duration keys_fetched_ = -absl::InfiniteDuration();
};

}  // namespace schoolgate::collector
