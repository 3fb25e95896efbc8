// How long something takes, counted into buckets that a scraper can add up
// over time and over collectors.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace schoolgate::collector {

// Thread-safe; costs three atomic additions an observation.
class Histogram {
 public:
  static constexpr std::array<double, 14> kBoundSeconds = {
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
      0.25,  0.5,    1,     2.5,  5,     10,   30};

  void Observe(absl::Duration took) {
    const double seconds = absl::ToDoubleSeconds(took);
    const auto* bound =
        std::lower_bound(kBoundSeconds.begin(), kBoundSeconds.end(), seconds);
    ++counts_[static_cast<size_t>(bound - kBoundSeconds.begin())];
    sum_us_ += static_cast<uint64_t>(
        std::max<int64_t>(absl::ToInt64Microseconds(took), 0));
  }

  // Observations in bucket `index`, not above its bound and above the one
  // before; index kBoundSeconds.size() holds the rest.
  uint64_t count(size_t index) const { return counts_[index]; }
  double sum_seconds() const { return static_cast<double>(sum_us_) / 1e6; }

 private:
  std::array<std::atomic<uint64_t>, kBoundSeconds.size() + 1> counts_{};
  std::atomic<uint64_t> sum_us_{0};
};

}  // namespace schoolgate::collector
