// Who is logged in. Kept in memory only: a restart logs everybody out.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace schoolgate::collector {

struct Session {
  std::string key;  // hash of the token: names the session inside
  std::string account;
  std::string csrf;       // to be repeated by every write
  absl::Duration opened;  // since boot
  absl::Duration used;
  uint32_t role = 0;  // RoleBit when it was opened: for a quick no, never a yes
};

struct SessionLimits {
  absl::Duration idle = absl::Minutes(10);
  absl::Duration longest = absl::Hours(10);
  size_t sessions = 2000;
  size_t sessions_per_account = 5;
};

// Thread-safe. Times are durations since boot.
class Sessions {
 public:
  explicit Sessions(SessionLimits limits) : limits_(limits) {}

  // Returns the token for the browser: 256 random bits, of which only the
  // hash is kept. The account's oldest session ends when it has too many.
  std::string Open(const std::string& account, absl::Duration now,
                   uint32_t role = 0);

  // nullopt: unknown or over. `touch`: the person did something.
  std::optional<Session> Find(const std::string& token, absl::Duration now,
                              bool touch);

  // Still open? By the hash of the token.
  bool Alive(const std::string& key, absl::Duration now);

  void Close(const std::string& key);

  // Ends the account's sessions other than `but`.
  void CloseOthers(const std::string& account, const std::string& but);

  const SessionLimits& limits() const { return limits_; }

 private:
  bool Over(const Session& session, absl::Duration now) const;
  void MakeRoom(const std::string& account, absl::Duration now);

  const SessionLimits limits_;
  std::mutex mutex_;
  std::map<std::string, Session> sessions_;  // by key
};

// 256 random bits, in letters that suit a cookie or a header.
std::string RandomToken();

// What is kept of a token.
std::string TokenHash(const std::string& token);

}  // namespace schoolgate::collector
