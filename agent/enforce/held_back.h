// The first packets of hellos that come in pieces. They wait for the rest: what
// is refused then never reaches its server, not even in part; and when the
// judge dies in between, they wait for the next one, which sees the whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/enforce/flow_ends.h"

namespace schoolgate::agent {

// Not thread-safe.
class HeldBack {
 public:
  static constexpr size_t kMaxPackets = 64;
  // Programs say a hello at once. Those that do not are not kept waiting.
  static constexpr int64_t kMaxWaitUs = 100'000;

  struct Packet {
    uint32_t id = 0;  // the kernel's
    uint32_t mark = 0;
  };

  HeldBack() { waiting_.reserve(kMaxPackets); }

  // False when there is no room.
  bool Keep(const FlowEnds& ends, const Packet& packet, int64_t now_us);

  // Takes a flow's packets out, in their order: calls `give` with each.
  template <typename Give>
  void Take(const FlowEnds& ends, Give&& give) {
    if (waiting_.empty()) return;
    std::erase_if(waiting_, [&](const Waiting& one) {
      if (one.ends != ends) return false;
      give(one.packet);
      return true;
    });
  }

  // The flow whose first packet has waited longest and long enough, or null.
  // Valid until the next call. Also when the clock was set back.
  const FlowEnds* Overdue(int64_t now_us) const;

  bool empty() const { return waiting_.empty(); }

 private:
  struct Waiting {
    FlowEnds ends;
    Packet packet;
    int64_t since_us;
  };

  std::vector<Waiting> waiting_;  // in the order in which they came
};

}  // namespace schoolgate::agent
