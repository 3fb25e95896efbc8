// When something happened, in the collector's time, whatever the device's
// clock said.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "proto/event.pb.h"
#include "proto/uplink.pb.h"

namespace schoolgate::collector {

// A value: what one Hello told about a device's clocks.
class DeviceClock {
 public:
  DeviceClock() = default;
  DeviceClock(const v1::Hello& hello, absl::Time received);

  // Device minus collector; zero when the device did not say.
  absl::Duration offset() const { return offset_; }

  // Events of the boot that said Hello are dated by the time since boot,
  // others by the wall clock less its error; never after `received`.
  absl::Time Happened(const v1::Event& event, absl::Time received) const;

 private:
  std::string boot_id_;
  int64_t boot_us_ = 0;
  absl::Time hello_received_;
  absl::Duration offset_;
};

}  // namespace schoolgate::collector
