// A simulated fleet that reports for some days: who contacted what, from a
// seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/cli/simulated_device.h"

namespace schoolgate::collector {

struct LoadPlan {
  uint32_t devices = 100;
  uint32_t days = 1;
  uint64_t seed = 1;
  uint32_t events_per_day = 48;  // a device; 0.1 a minute over a working day
  uint32_t batch_events = 100;
  double rate = 0;  // events a second in all; 0: as fast as it goes
  absl::Time end;   // the days before this
  // What is going on, in words, once a second; may be null.
  std::function<void(const std::string& words)> progress;
};

struct LoadResult {
  uint64_t events = 0;
  uint64_t batches = 0;
  uint64_t sealed_bytes = 0;  // of all batches, as they are sent
  uint64_t links_opened = 0;  // one a device where nothing went wrong
  uint64_t links_lost = 0;
  uint64_t links_failed = 0;  // devices that did not come through
  std::string first_failure;
  absl::Duration enrolling, sealing, connecting;
  absl::Duration sending;  // first batch to last acknowledgement
  absl::Duration back;     // from the blow until everybody was greeted again
  absl::Duration ack_p50, ack_p99, ack_max;
};

// Two plans that are equal make the same events.
std::vector<v1::Event> EventsOf(const LoadPlan& plan, uint32_t device);

// Enrols, seals everything, connects everybody, then sends. A device that loses
// its collector comes back by itself. `blow` may be null; see FleetLinks::Send.
absl::StatusOr<LoadResult> RunLoad(
    const SimulatedHome& home, const LoadPlan& plan,
    const std::function<absl::StatusOr<std::string>()>& blow);

}  // namespace schoolgate::collector
