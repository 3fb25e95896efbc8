// What the uplink reads from the agent's configuration file, and the file
// that an installation is pre-seeded with.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace schoolgate::agent {

inline constexpr char kDefaultUplinkConfig[] = "/etc/schoolgate/agent.yaml";

struct UplinkConfig {
  std::string state_directory = "/var/lib/schoolgate";
  std::string spool_directory;  // default: state_directory/spool
  std::string enrolment_file = "/etc/schoolgate/enrolment.yaml";
  uint64_t megabytes_a_day = 0;  // of events; 0: as much as there is
};

// Keys of the gate are ignored. No path means kDefaultUplinkConfig, which may
// be missing: all is as by default then. NOT_FOUND for another file that is not
// there; INVALID_ARGUMENT names file and line.
absl::StatusOr<UplinkConfig> LoadUplinkConfig(const std::string& path);

// Where the collector is and how to know it.
struct EnrolmentFile {
  std::string collector;              // "host:port"
  std::string authority_pem;          // or:
  std::string authority_fingerprint;  // SHA-256, lower-case hex
  std::string token;
  std::string inventory_number;
};

// YAML, so JSON too. NOT_FOUND, or INVALID_ARGUMENT naming what is missing.
absl::StatusOr<EnrolmentFile> LoadEnrolmentFile(const std::string& path);

}  // namespace schoolgate::agent
