// How a TCP connection is refused so that both ends know at once: its client
// gets an answer as if from the server, and the server a reset as if from the
// client. The held packet itself never arrives.
#pragma once

#include <cstdint>
#include <span>

#include "agent/enforce/held_packet.h"
#include "platform/packet_sender.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows the sender; null: nobody is told anything.
class Refusal {
 public:
  explicit Refusal(platform::PacketSender* sender) : sender_(sender) {}

  // One packet as it is. False when the kernel did not take it.
  bool SendOne(std::span<const uint8_t> packet) {
    return sender_ != nullptr && sender_->Send(packet);
  }

  // `answer` is what the client reads before the connection ends; empty: a
  // bare reset. False when the kernel took neither packet.
  bool Send(const HeldPacket& held, std::span<const uint8_t> answer);

 private:
  platform::PacketSender* const sender_;
};

}  // namespace schoolgate::agent
