// The agent's configuration file: what an installation may choose. Every key
// has a default; docs/operating.md lists them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/decide/attribution.h"
#include "agent/run/gate_mode.h"
#include "rules/decide.h"

namespace schoolgate::agent {

inline constexpr char kDefaultConfigPath[] = "/etc/schoolgate/agent.yaml";

struct AgentConfig {
  std::string file;  // that this was read from, with its whole path
  std::string state_directory = "/var/lib/schoolgate";
  std::string spool_directory;  // default: state_directory/spool
  std::string socket;           // default: state_directory/agent.sock
  std::string interface = "auto";
  // Instead of the interface: the packets of this file, as if they came now.
  // Not a key of the file, only of the command line.
  std::string capture_file;
  bool label_flows = true;  // by schoolgate-dpi
  // At most this, whatever the policy says.
  GateMode at_most = GateMode::kEnforce;
  // Others can neither flush nor change our rules in the packet filter.
  bool protect_table = true;
  rules::Place place = rules::Place::kOnsite;
  absl::Duration heartbeat = absl::Minutes(1);
  AttributionRules attribution;  // device_group comes from enrolment
};

// INVALID_ARGUMENT names the file, the line and what is expected there;
// unknown keys are mistakes too. NOT_FOUND when the file is not there.
absl::StatusOr<AgentConfig> LoadAgentConfig(const std::string& path);

}  // namespace schoolgate::agent
