#include "collector/ingest/device_clock.h"

#include <algorithm>

namespace schoolgate::collector {
namespace {

// Nothing of ours ran before.
const absl::Time kOldest = absl::FromUnixSeconds(1'700'000'000);

}  // namespace

DeviceClock::DeviceClock(const v1::Hello& hello, absl::Time received)
    : boot_id_(hello.boot_id()),
      boot_us_(hello.boot_us()),
      hello_received_(received) {
  if (hello.time_unix_us() != 0) {
    offset_ = absl::FromUnixMicros(hello.time_unix_us()) - received;
  }
}

absl::Time DeviceClock::Happened(const v1::Event& event,
                                 absl::Time received) const {
  absl::Time happened = absl::FromUnixMicros(event.time_unix_us());
  if (!boot_id_.empty() && event.boot_id() == boot_id_) {
    happened = hello_received_ - absl::Microseconds(boot_us_) +
               absl::Microseconds(event.boot_us());
  } else if (absl::AbsDuration(offset_) < absl::Hours(24 * 365)) {
    // A clock that is years off now (a flat battery) says nothing of the
    // clock in an earlier boot.
    happened -= offset_;
  }
  if (happened < kOldest) return received;
  return std::min(happened, received);
}

}  // namespace schoolgate::collector
