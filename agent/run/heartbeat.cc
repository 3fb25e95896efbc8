#include "agent/run/heartbeat.h"

#include <utility>

#include "platform/machine.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kMostTroubleBytes = 300;

void AddLabelWorker(const AgentStatus& status, v1::LabelWorker* worker) {
  const LabelCounters& counters = status.labels;
  worker->set_wanted(status.label_flows);
  worker->set_trouble(status.label_problem.substr(0, kMostTroubleBytes));
  worker->set_starts(counters.starts);
  worker->set_deaths(counters.deaths);
  worker->set_stalls(counters.stalls);
  worker->set_broken(counters.broken);
  worker->set_labels(counters.labels);
  worker->set_packets_dropped(counters.dropped);
}

}  // namespace

v1::Event MakeHeartbeat(const AgentStatus& status, const ObserverCounters& seen,
                        const SpoolCounters& spool, std::string bundle_hash,
                        v1::Place place, absl::Time now) {
  v1::Event event;
  event.set_time_unix_us(absl::ToUnixMicros(now));
  event.set_lane(v1::LANE_ROUTINE);
  v1::Heartbeat& beat = *event.mutable_heartbeat();
  beat.set_agent_version(SCHOOLGATE_VERSION);
  beat.set_bundle_version(status.bundle_version);
  beat.set_bundle_hash(std::move(bundle_hash));
  beat.set_packets(status.packets);
  beat.set_packets_dropped(status.packets_dropped);
  beat.set_names(status.names);
  beat.set_flows(status.flows);
  for (size_t cause = 1; cause < kBlindCauses; ++cause) {
    if (seen.blind[cause] == 0) continue;
    v1::Blindness& blindness = *beat.add_blindness();
    blindness.set_cause(std::string(BlindName(static_cast<Blind>(cause))));
    blindness.set_flows(seen.blind[cause]);
  }
  beat.set_spool_bytes(spool.spool_bytes);
  beat.set_spool_events_waiting(spool.waiting);
  beat.set_events_lost(spool.evicted + spool.refused);
  beat.set_capturing(status.capturing);
  beat.set_enforcing(status.mode == "enforce");
  beat.set_mode(status.mode);
  beat.set_selftest(status.selftest);
  beat.set_uptime_us(absl::ToInt64Microseconds(now - status.started));
  beat.set_hostname(platform::HostName());
  beat.set_place(place);
  beat.set_gate_trouble(status.gate_problem.substr(0, kMostTroubleBytes));
  beat.set_gate_overflowed(status.gate_overflowed);
  beat.set_keeper(status.keeper);
  AddLabelWorker(status, beat.mutable_label_worker());
  return event;
}

}  // namespace schoolgate::agent
