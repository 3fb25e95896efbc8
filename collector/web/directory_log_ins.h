// Log-ins at the school's directory that are under way. In memory only.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "collector/oidc/provider.h"

namespace schoolgate::collector {

struct DirectoryLogIn {
  OidcLogIn log_in;
  std::string address;  // of the browser
  // Whose it turned out to be, when only the authenticator's code is missing.
  std::string account;
  absl::Duration begun;  // since boot
};

struct DirectoryLogInLimits {
  absl::Duration longest = absl::Minutes(10);
  size_t all = 5000;
  size_t per_address = 200;  // a school may be one address
};

// Thread-safe. Times are durations since boot.
class DirectoryLogIns {
 public:
  explicit DirectoryLogIns(DirectoryLogInLimits limits) : limits_(limits) {}

  // Returns what the browser keeps; only its hash is kept here. The oldest of
  // the address, or of all, ends when there are too many.
  std::string Open(DirectoryLogIn log_in, absl::Duration now);

  // Each once. nullopt: unknown, taken or too old.
  std::optional<DirectoryLogIn> Take(const std::string& token,
                                     absl::Duration now);

  // Back under the same token: its begin stays.
  void PutBack(const std::string& token, DirectoryLogIn log_in);

 private:
  void MakeRoom(const std::string& address, absl::Duration now);

  const DirectoryLogInLimits limits_;
  std::mutex mutex_;
  std::map<std::string, DirectoryLogIn> log_ins_;  // by the token's hash
};

}  // namespace schoolgate::collector
