// Feeds out: how far each has come, what it had to give up, what it told
// already, and who may fetch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

struct FeedProgress {
  std::string name;       // "webhook/cpoms", "mail/lead"
  uint64_t cursor = 0;    // revision up to which all is sent or given up
  uint32_t attempts = 0;  // that failed, for what comes next
  absl::Time next_try = absl::InfinitePast();
  uint64_t sent = 0, dead = 0;
  absl::Time last_sent = absl::InfinitePast();
  std::string last_error;
  int64_t last_day = 0;  // of the digest: days since 1970
};

struct DeadLetter {
  std::string name;
  uint64_t alert = 0;
  uint64_t revision = 0;
  absl::Time time;
  std::string why;
};

struct FeedToken {
  std::string id;
  std::string secret_hash;  // only the hash is kept
  std::string account;      // the reader sees what this account may see
  absl::Time made;
  bool withdrawn = false;
};

// Thread-safe. Durable when OK.
class FeedStore {
 public:
  virtual ~FeedStore() = default;

  // Whether this collector sends now: of several that share the store one
  // does, and another within seconds of its end. To be asked before each look.
  virtual bool TakeTurn() = 0;

  // NOT_FOUND: this feed never ran.
  virtual absl::StatusOr<FeedProgress> Progress(const std::string& name) = 0;
  virtual absl::Status Put(const FeedProgress& progress) = 0;
  virtual absl::StatusOr<std::vector<FeedProgress>> All() = 0;

  virtual absl::Status Bury(const DeadLetter& letter) = 0;
  virtual absl::StatusOr<std::vector<DeadLetter>> Dead(
      const std::string& name) = 0;
  // Puts the feed back to before its oldest dead letter and forgets them all.
  // Receivers get again what they had since: deliveries have numbers.
  virtual absl::Status Redeliver(const std::string& name) = 0;

  // What a feed told already.
  virtual absl::Status Mark(const std::string& name,
                            const std::string& key) = 0;
  virtual absl::StatusOr<bool> Marked(const std::string& name,
                                      const std::string& key) = 0;

  virtual absl::Status PutToken(const FeedToken& token) = 0;
  virtual absl::StatusOr<FeedToken> Token(const std::string& id) = 0;
};

absl::StatusOr<std::unique_ptr<FeedStore>> OpenSqliteFeedStore(
    const std::string& file);

}  // namespace schoolgate::collector
