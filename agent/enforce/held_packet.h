// A packet that the kernel holds for us, taken apart just far enough to answer
// it: IP header, UDP or TCP header, payload.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/capture/segment.h"

namespace schoolgate::agent {

// Views borrow the packet's bytes.
struct HeldPacket {
  bool v6 = false;
  uint8_t protocol = 0;                  // kProtocolTcp or kProtocolUdp
  std::span<const uint8_t> source;       // 4 or 16 bytes
  std::span<const uint8_t> destination;  // 4 or 16 bytes
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  std::span<const uint8_t> payload;
  // TCP only.
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;
  uint8_t tcp_flags = 0;
};

// Nothing for fragments other than whole packets, other protocols, and bytes
// that do not add up. IPv6 extension headers are skipped (RFC 8200, 4.1).
std::optional<HeldPacket> ParseHeld(std::span<const uint8_t> packet);

// Writes one IP packet with right checksums: the payload goes from the
// destination of `to_answer` back to its source over UDP.
std::vector<uint8_t> UdpReply(const HeldPacket& to_answer,
                              std::span<const uint8_t> payload);

inline constexpr uint8_t kTcpPsh = 0x08;

// One TCP segment from the far end of `to_answer` back to its sender, as if
// the server had received all of it.
std::vector<uint8_t> TcpReply(const HeldPacket& to_answer, uint8_t flags,
                              std::span<const uint8_t> payload);

// A reset from the sender of `held` to its destination, in the held packet's
// place in the stream: the server forgets the connection.
std::vector<uint8_t> TcpResetOnwards(const HeldPacket& held);

}  // namespace schoolgate::agent
