#include "agent/run/status.h"

#include <unistd.h>

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
      {"keeper", status.keeper},
      {"pid", getpid()},
      {"gate_held", status.gate_held},
      {"gate_blocked", status.gate_blocked},
      {"gate_overflowed", status.gate_overflowed},
      {"incidents", status.incidents},
      {"rules_problem", status.rules_problem},
      {"orders_problem", status.orders_problem},
      {"root_version", status.root_version},
      {"rules_freshness", status.rules_freshness},
      {"lesson_passes", status.passes},
      {"emergency_blocks", status.emergency_blocks},
      {"flows_cut", status.flows_cut},
      {"device", status.device},
      {"school", status.school},
      {"rules_version", status.bundle_version},
      {"rules_title", status.bundle_title},
      {"notice", status.notice},
      {"portal", status.portal},
      {"packets", status.packets},
      {"packets_dropped", status.packets_dropped},
      {"names", status.names},
      {"contacts", status.contacts},
      {"flows", status.flows},
      {"flows_unnamed", status.flows_unnamed},
      {"flows_labelled", status.labels.labels},
      {"dpi",
       {{"wanted", status.label_flows},
        {"problem", status.label_problem},
        {"starts", status.labels.starts},
        {"deaths", status.labels.deaths},
        {"stalls", status.labels.stalls},
        {"broken", status.labels.broken},
        {"packets", status.labels.packets},
        {"packets_dropped", status.labels.dropped},
        {"flows_refused", status.labels.refused},
        {"flows_lost", status.labels.lost}}},
      {"contradictions", status.contradictions}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace schoolgate::agent
