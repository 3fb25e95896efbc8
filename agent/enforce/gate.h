// Judges each packet that the kernel holds, before it leaves: the only place
// where the school's policy stops anything.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "agent/decide/recent_map.h"
#include "agent/decide/watch.h"
#include "agent/enforce/held_packet.h"
#include "agent/enforce/live_flows.h"
#include "agent/observe/observer.h"
#include "platform/packet_gate.h"

namespace schoolgate::agent {

struct GateCounters {
  uint64_t held = 0;
  uint64_t passed = 0;
  uint64_t blocked = 0;      // names refused
  uint64_t undecidable = 0;  // no IP packet we understand: let through
};

// Not thread-safe. Borrows what it is given for its own life.
class Gate : private ObservationSink {
 public:
  Gate(platform::PacketGate& packets, Watch& watch);

  // Is told of connections that are let run; null as at the start. Outlives
  // the gate.
  void SetLiveFlows(LiveFlows* flows) { live_flows_ = flows; }

  // Judges what is held now, at most a few hundred packets; never waits.
  void Serve(int64_t now_us);

  const GateCounters& counters() const { return counters_; }

 private:
  // What the names in one held packet came to.
  struct Found {
    bool any = false;
    bool block = false;
    bool no_answer_wanted = false;  // HTTPS record, canary: see OnName
    bool canary = false;
  };
  struct Flow {
    uint32_t packets = 0;
    bool blocked = false;
  };

  // A flow that has named nobody after so many packets will not.
  static constexpr uint32_t kMaxPacketsToName = 20;
  static constexpr int64_t kFlowMemoryUs = 120'000'000;
  static constexpr size_t kMaxFlows = 16'384;
  static constexpr int kPacketsATurn = 256;

  void OnName(const Observation& observation) override;
  void Judge(const platform::HeldByKernel& held, int64_t now_us);
  void JudgeDns(const platform::HeldByKernel& held, const HeldPacket& packet);
  void JudgeTcp(const platform::HeldByKernel& held, const HeldPacket& packet,
                int64_t now_us);
  void JudgeQuic(const platform::HeldByKernel& held, const HeldPacket& packet,
                 int64_t now_us);
  Flow& FlowOf(const HeldPacket& packet, int64_t now_us);
  void Pass(const platform::HeldByKernel& held, uint32_t bits);

  platform::PacketGate& packets_;
  Watch& watch_;
  LiveFlows* live_flows_ = nullptr;
  Observer observer_;
  Found found_;
  RecentMap<std::string, Flow> flows_{kFlowMemoryUs, kMaxFlows};
  uint64_t frames_ = 0;
  GateCounters counters_;
};

}  // namespace schoolgate::agent
