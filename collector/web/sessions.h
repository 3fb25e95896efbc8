// Who is logged in. As long as PassingStore keeps it: in memory a restart logs
// everybody out; where it is shared a log-in is good at every collector.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/store/passing_store.h"

namespace schoolgate::collector {

struct Session {
  std::string key;  // hash of the token: names the session inside
  std::string account;
  std::string csrf;  // to be repeated by every write; follows from the token
};

struct SessionLimits {
  absl::Duration idle = absl::Minutes(10);
  absl::Duration longest = absl::Hours(10);
  size_t sessions = 2000;
  size_t sessions_per_account = 5;
};

// Thread-safe. Times are durations since boot. Errors are the store's,
// UNAVAILABLE, beside those that are named.
class Sessions {
 public:
  // Borrows the store for life.
  Sessions(SessionLimits limits, PassingStore& store)
      : limits_(limits), store_(store) {}

  // Returns the token for the browser: 256 random bits, of which only the
  // hash is kept. The account's oldest session ends when it has too many.
  absl::StatusOr<std::string> Open(const std::string& account,
                                   absl::Duration now);

  // NOT_FOUND: unknown or over. `touch`: the person did something.
  absl::StatusOr<Session> Find(const std::string& token, absl::Duration now,
                               bool touch);

  // Still open, for certain? By the hash of the token.
  bool Alive(const std::string& key, absl::Duration now);

  absl::Status Close(const std::string& key, absl::Duration now);

  // Ends the account's sessions other than `but`.
  absl::Status CloseOthers(const std::string& account, const std::string& but,
                           absl::Duration now);

  const SessionLimits& limits() const { return limits_; }

 private:
  bool Over(const Passing& session) const;
  void MakeRoom(const std::string& account,
                std::vector<Passing>& sessions) const;

  const SessionLimits limits_;
  PassingStore& store_;
};

// 256 random bits, in letters that suit a cookie or a header.
std::string RandomToken();

// What is kept of a token.
std::string TokenHash(const std::string& token);

}  // namespace schoolgate::collector
