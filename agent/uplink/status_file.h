// What the uplink says of itself, in STATE/uplink.json.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::agent {

struct UplinkStatus {
  bool enrolled = false;
  bool connected = false;
  std::string device;
  std::string school;
  std::string collector;
  absl::Time last_contact = absl::InfinitePast();
  uint64_t acknowledged = 0;   // records, since ever
  uint64_t durable_epoch = 0;  // of the last acknowledgement
  uint64_t durable_sequence = 0;
  uint64_t segments_waiting = 0;
  uint64_t missing = 0;  // records the disk lost
  absl::Time certificate_ends = absl::InfinitePast();
  absl::Duration clock_error;  // device minus collector, at last contact
  bool clock_wrong = false;    // so wrong that certificates look bad
  uint64_t fetched_whole = 0;  // bundles, since the start
  uint64_t fetched_by_delta = 0;
  std::string problem;  // "" or a sentence; what to do is in it

  bool operator==(const UplinkStatus&) const = default;
};

std::string ToJson(const UplinkStatus& status);

absl::Status WriteStatus(const std::string& state_directory,
                         const UplinkStatus& status);

// One line of JSON, with `waiting` counted from the spool itself. NOT_FOUND
// when the uplink never ran. What one that does not run any more, or was
// killed, said last is no connection.
absl::StatusOr<std::string> ReadStatus(const std::string& state_directory,
                                       const std::string& spool_directory,
                                       bool runs = true);

}  // namespace schoolgate::agent
