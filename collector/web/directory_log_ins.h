// Log-ins at the school's directory that are under way, as long as
// PassingStore keeps them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/oidc/provider.h"
#include "collector/store/passing_store.h"

namespace schoolgate::collector {

struct DirectoryLogIn {
  OidcLogIn log_in;     // without its address
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
  // Borrows the store for life.
  DirectoryLogIns(DirectoryLogInLimits limits, PassingStore& store)
      : limits_(limits), store_(store) {}

  // Returns what the browser keeps; here is kept its hash, and the log-in
  // sealed with it: whoever reads the store learns nothing. The oldest of the
  // address, or of all, ends when there are too many. UNAVAILABLE.
  absl::StatusOr<std::string> Open(DirectoryLogIn log_in, absl::Duration now);

  // Each once. nullopt: unknown, taken or too old.
  std::optional<DirectoryLogIn> Take(const std::string& token,
                                     absl::Duration now);

  // Back under the same token: its begin stays. Gone when the store is.
  void PutBack(const std::string& token, const DirectoryLogIn& log_in,
               absl::Duration now);

 private:
  void MakeRoom(const std::string& address, std::vector<Passing>& all) const;

  const DirectoryLogInLimits limits_;
  PassingStore& store_;
};

}  // namespace schoolgate::collector
