// Slows down whoever guesses: failures make the next try wait, twice as long
// each time.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "absl/time/time.h"

namespace schoolgate::collector {

struct ThrottleLimits {
  uint32_t free_failures = 5;  // before the first wait
  absl::Duration first_wait = absl::Seconds(30);
  absl::Duration longest_wait = absl::Minutes(30);
  absl::Duration forget = absl::Hours(24);
  size_t keys = 10000;  // beyond: the one that failed longest ago is dropped
};

// Thread-safe. Times are durations since boot.
class Throttle {
 public:
  explicit Throttle(ThrottleLimits limits) : limits_(limits) {}

  // How long this key still has to wait; zero when it may try.
  absl::Duration Wait(const std::string& key, absl::Duration now);

  // Returns the failures so far, this one included.
  uint32_t Fail(const std::string& key, absl::Duration now);

  void Forget(const std::string& key);

  // The wait after so many failures in a row.
  absl::Duration WaitAfter(uint32_t failures) const;

 private:
  struct Record {
    uint32_t failures = 0;
    absl::Duration last;
  };

  const ThrottleLimits limits_;
  std::mutex mutex_;
  std::map<std::string, Record> records_;
};

struct RateLimits {
  double per_second = 20;
  double burst = 60;
  size_t keys = 10000;
};

// Thread-safe. So many requests a second for each key, with a burst.
class RateLimit {
 public:
  explicit RateLimit(RateLimits limits) : limits_(limits) {}

  bool Take(const std::string& key, absl::Duration now);

 private:
  struct Bucket {
    double left = 0;
    absl::Duration filled;
  };

  const RateLimits limits_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace schoolgate::collector
