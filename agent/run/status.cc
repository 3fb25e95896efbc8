#include "agent/run/status.h"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

namespace schoolgate::agent {
namespace {

uint64_t NamesFrom(const ObserverCounters& seen, NameSource source) {
  return seen.names[static_cast<size_t>(source)];
}

// As --json replay calls them.
nlohmann::ordered_json BySource(const ObserverCounters& seen) {
  return {{"dns", NamesFrom(seen, NameSource::kDns)},
          {"mdns", NamesFrom(seen, NameSource::kMdns)},
          {"llmnr", NamesFrom(seen, NameSource::kLlmnr)},
          {"tls", NamesFrom(seen, NameSource::kTls)},
          {"quic", NamesFrom(seen, NameSource::kQuic)},
          {"http", NamesFrom(seen, NameSource::kHttp)}};
}

// Flows that hid what they were for, by cause; of those that gave a name or
// should have.
nlohmann::ordered_json Blindness(const ObserverCounters& seen) {
  nlohmann::ordered_json json = {{"of_flows", seen.name_bearing_flows}};
  for (size_t cause = 1; cause < kBlindCauses; ++cause) {
    json[std::string(BlindName(static_cast<Blind>(cause)))] = seen.blind[cause];
  }
  return json;
}

// What speaks against flows, by sign.
nlohmann::ordered_json Contradictions(const WitnessCounters& witness) {
  nlohmann::ordered_json json;
  for (size_t sign = 0; sign < kSigns; ++sign) {
    json[std::string(SignName(sign))] = witness.signs[sign];
  }
  return json;
}

// What was refused, left unread or forgotten because a limit said so.
nlohmann::ordered_json BeyondLimits(const AgentStatus& status) {
  const ObserverCounters& seen = status.seen;
  return {{"flows", seen.refused_flows},
          {"fragments", seen.lost_fragments},
          {"partial_messages", seen.lost_partials},
          {"oversized_messages", seen.oversized},
          {"quic_keys", seen.untried_keys},
          {"alpn", seen.unread_alpn},
          {"cut_names", seen.cut_names},
          {"text_in_front", seen.long_fronts},
          {"quic_ids", seen.long_ids},
          {"answers", seen.unread_answers},
          {"forgotten_answers", seen.forgotten_answers},
          {"datagrams", seen.unread_datagrams},
          {"segments", seen.unkept_segments},
          {"packets_of_many_frames", seen.cut_packets},
          {"flows_beyond_tap", seen.untapped_flows},
          {"forgotten_names", status.watch.forgotten},
          {"unwaited_contacts", status.watch.unwaited},
          {"unkept_parents", status.watch.unkept_parents},
          {"unfound_programs", status.watch.unfound_programs},
          {"forgotten_tests", status.watch.forgotten_tests},
          {"forgotten_flows", status.witness.forgotten},
          {"forgotten_desks", status.witness.forgotten_desks},
          {"unkept_peers", status.witness.unkept_peers},
          {"forgotten_connections", status.forgotten_connections},
          {"forgotten_records", status.forgotten_records},
          {"forgotten_visits", status.forgotten_visits},
          {"unsure_looks", status.unsure_looks},
          {"out_of_memory", seen.out_of_memory}};
}

}  // namespace

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
      {"names_by_source", BySource(status.seen)},
      {"contacts", status.contacts},
      {"flows", status.flows},
      {"flows_unnamed", status.flows_unnamed},
      {"blindness", Blindness(status.seen)},
      {"beyond_limits", BeyondLimits(status)},
      {"undecodable_packets", status.seen.undecodable},
      {"malformed_messages", status.seen.malformed},
      {"doubtful_hellos", status.seen.doubtful},
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
        {"packets_cut", status.labels.cut},
        {"flows_given_up", status.labels.early},
        {"flows_undecided", status.labels.undecided},
        {"flows_refused", status.labels.refused},
        {"flows_lost", status.labels.lost}}},
      {"contradictions", Contradictions(status.witness)}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void PrintPlayed(const std::string& file, const AgentStatus& status) {
  std::printf("%s: %llu packets, %llu names, %llu contacts told\n",
              file.c_str(), static_cast<unsigned long long>(status.packets),
              static_cast<unsigned long long>(status.names),
              static_cast<unsigned long long>(status.contacts));
}

}  // namespace schoolgate::agent
