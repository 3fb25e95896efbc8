#include "agent/run/status.h"

#include <nlohmann/json.hpp>

namespace schoolgate::agent {

std::string ToJson(const AgentStatus& status, absl::Time now) {
  const nlohmann::ordered_json json = {
      {"version", SCHOOLGATE_VERSION},
      {"running_seconds", absl::ToInt64Seconds(now - status.started)},
      {"mode", status.mode},
      {"capturing", status.capturing},
      {"capture_problem", status.capture_problem},
      {"interface", status.interface},
      {"sees", std::string(status.sees)},
      {"selftest", status.selftest},
      {"spool_problem", status.spool_problem},
      {"gate_problem", status.gate_problem},
      {"rules_problem", status.rules_problem},
      {"device", status.device},
      {"school", status.school},
      {"rules_version", status.bundle_version},
      {"rules_title", status.bundle_title},
      {"notice", status.notice},
      {"packets", status.packets},
      {"packets_dropped", status.packets_dropped},
      {"names", status.names},
      {"contacts", status.contacts},
      {"flows", status.flows},
      {"flows_unnamed", status.flows_unnamed}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace schoolgate::agent
