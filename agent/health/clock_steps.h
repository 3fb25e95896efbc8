// Somebody set the clock: wall time and the time since boot went apart.
#pragma once

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/health/touched.h"

namespace schoolgate::agent {

// Not thread-safe.
class ClockSteps {
 public:
  // What corrects a clock by less is no step.
  static constexpr absl::Duration kLeast = absl::Seconds(30);

  std::optional<Touched> Look(absl::Time wall, absl::Duration since_boot) {
    const absl::Time started = wall - since_boot;
    const absl::Duration step =
        known_ ? started - *known_ : absl::ZeroDuration();
    known_ = started;
    if (absl::AbsDuration(step) < kLeast) return std::nullopt;
    return Touched{
        "clock_step",
        absl::StrCat(step > absl::ZeroDuration() ? "forward by " : "back by ",
                     absl::FormatDuration(absl::Trunc(absl::AbsDuration(step),
                                                      absl::Seconds(1))))};
  }

 private:
  std::optional<absl::Time> known_;
};

}  // namespace schoolgate::agent
