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

// The same packet with another payload: for a question or an answer in place
// of the one that is held.
std::vector<uint8_t> UdpInstead(const HeldPacket& held,
                                std::span<const uint8_t> payload);

// A TCP packet as it was sent, but without its payload; `held` is what
// ParseHeld made of `packet`. Empty when that cannot be done.
std::vector<uint8_t> WithoutPayload(std::span<const uint8_t> packet,
                                    const HeldPacket& held);

inline constexpr uint8_t kTcpPsh = 0x08;

// One TCP segment from the far end of `to_answer` back to its sender, as if
// the server had received all of it.
std::vector<uint8_t> TcpReply(const HeldPacket& to_answer, uint8_t flags,
                              std::span<const uint8_t> payload);

// The segment with which the connection of `held` must have opened, if what is
// held is its first payload.
std::vector<uint8_t> TcpOpening(const HeldPacket& held);

// A reset from the sender of `held` to its destination, in the held packet's
// place in the stream: the server forgets the connection.
std::vector<uint8_t> TcpResetOnwards(const HeldPacket& held);

}  // namespace schoolgate::agent
