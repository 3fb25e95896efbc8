// Hands the first packets of each flow on, to whoever can say more about it
// than its name does.
#pragma once

#include <cstdint>

#include "agent/capture/flow_table.h"
#include "agent/capture/segment.h"

namespace schoolgate::agent {

class FlowTap {
 public:
  // Packets of a flow, both directions and those without payload counted,
  // after which nothing is handed on any more.
  static constexpr uint16_t kFirstPackets = 32;

  virtual ~FlowTap() = default;

  // A packet with payload. The flow may be marked with kMarkTapped; segment
  // and flow are borrowed for the call.
  virtual void OnPacket(Flow& flow, const Segment& segment, uint64_t frame,
                        int64_t time_us) = 0;

  // Once for each flow that was marked, when it ends. `flow.blind` then says
  // what was made of it.
  virtual void OnClosed(const Flow& flow) = 0;
};

}  // namespace schoolgate::agent
