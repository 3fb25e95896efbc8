// A simulated fleet that reports for some days: who contacted what, from a
// seed.
#pragma once

#include <cstdint>
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
};

struct LoadResult {
  uint64_t events = 0;
  uint64_t batches = 0;
  uint64_t sealed_bytes = 0;  // of all batches, as they are sent
  uint64_t links_failed = 0;
  std::string first_failure;
  absl::Duration enrolling, sealing, connecting;
  absl::Duration sending;  // first batch to last acknowledgement
  absl::Duration ack_p50, ack_p99, ack_max;
};

// Two plans that are equal make the same events.
std::vector<v1::Event> EventsOf(const LoadPlan& plan, uint32_t device);

// Enrols, seals everything, connects everybody, then sends. `clock` is not
// needed to make the events, only to measure.
absl::StatusOr<LoadResult> RunLoad(const SimulatedHome& home,
                                   const LoadPlan& plan);

}  // namespace schoolgate::collector
