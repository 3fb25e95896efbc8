// How long to wait before the next try, so that ten thousand devices that lost
// one collector do not come back at once.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>

#include "absl/time/time.h"

namespace schoolgate::platform {

// Full jitter: anything from nothing to a limit that doubles with each
// failure. Not thread-safe.
class Backoff {
 public:
  static constexpr absl::Duration kFirst = absl::Seconds(1);
  static constexpr absl::Duration kMost = absl::Minutes(5);

  explicit Backoff(uint64_t seed) : random_(seed) {}

  // The wait after one more failure.
  absl::Duration Next() {
    const absl::Duration limit =
        std::min(kMost, kFirst * std::pow(2.0, std::min(failures_, 20)));
    ++failures_;
    return limit * std::uniform_real_distribution<double>(0, 1)(random_);
  }

  // Between half of `about` and the whole.
  absl::Duration Around(absl::Duration about) {
    return about * std::uniform_real_distribution<double>(0.5, 1)(random_);
  }

  void Reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  std::mt19937_64 random_;
  int failures_ = 0;
};

}  // namespace schoolgate::platform
