#include "platform/clock.h"

#include <time.h>

#include "absl/time/clock.h"

namespace schoolgate::platform {
namespace {

class KernelClock : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }

  absl::Duration SinceBoot() const override {
    timespec since_boot{};
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    return absl::DurationFromTimespec(since_boot);
  }
};

}  // namespace

const Clock& SystemClock() {
  static const KernelClock clock;
  return clock;
}

}  // namespace schoolgate::platform
