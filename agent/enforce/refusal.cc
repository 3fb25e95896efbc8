#include "agent/enforce/refusal.h"

#include <algorithm>

namespace schoolgate::agent {
namespace {

// Below every path's limit, so that no answer has to be cut on its way.
constexpr size_t kSegmentBytes = 1200;

}  // namespace

bool Refusal::Send(const HeldPacket& held, std::span<const uint8_t> answer) {
  bool sent = false;
  if (answer.empty()) {
    sent = SendOne(TcpReply(held, kTcpRst | kTcpAck, {}));
  }
  HeldPacket at = held;
  while (!answer.empty()) {
    const auto piece = answer.first(std::min(answer.size(), kSegmentBytes));
    answer = answer.subspan(piece.size());
    uint8_t flags = kTcpAck | kTcpPsh;
    if (answer.empty()) flags |= kTcpFin;
    sent = SendOne(TcpReply(at, flags, piece));
    at.acknowledgement += static_cast<uint32_t>(piece.size());
  }
  return SendOne(TcpResetOnwards(held)) && sent;
}

}  // namespace schoolgate::agent
