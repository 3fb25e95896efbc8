// The one place where time comes from. Logic is handed a Clock, or better the
// time itself; nothing outside platform/ asks the system.
#pragma once

#include "absl/time/time.h"

namespace schoolgate::platform {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time. May step in either direction, may be decades wrong.
  virtual absl::Time Now() const = 0;

  // Since boot, suspend included; never goes back.
  virtual absl::Duration SinceBoot() const = 0;
};

// The machine's clock. Lives for the whole program.
const Clock& SystemClock();

// A clock that stands until it is moved. For tests and simulation.
class ManualClock : public Clock {
 public:
  explicit ManualClock(absl::Time now) : now_(now) {}

  absl::Time Now() const override { return now_; }
  absl::Duration SinceBoot() const override { return since_boot_; }

  // Lets time pass: both clocks move.
  void Advance(absl::Duration by) {
    now_ += by;
    since_boot_ += by;
  }

  // Somebody sets the wall clock; the time since boot is not touched.
  void SetWall(absl::Time now) { now_ = now; }

 private:
  absl::Time now_;
  absl::Duration since_boot_ = absl::Seconds(1);
};

}  // namespace schoolgate::platform
