#include "agent/enforce/held_back.h"

namespace schoolgate::agent {

bool HeldBack::Keep(const FlowEnds& ends, const Packet& packet,
                    int64_t now_us) {
  if (waiting_.size() >= kMaxPackets) return false;
  waiting_.push_back({ends, packet, now_us});
  return true;
}

const FlowEnds* HeldBack::Overdue(int64_t now_us) const {
  if (waiting_.empty()) return nullptr;
  const Waiting& first = waiting_.front();
  const int64_t waited_us = now_us - first.since_us;
  const bool overdue = waited_us >= kMaxWaitUs || waited_us < 0;
  return overdue ? &first.ends : nullptr;
}

}  // namespace schoolgate::agent
