// A transport segment, taken out of whatever it travelled in.
#pragma once

#include <array>
#include <cstdint>

#include "agent/capture/byte_reader.h"
#include "platform/packet_source.h"

namespace schoolgate::agent {

// IPv4 is kept as ::ffff:a.b.c.d.
using Address = std::array<uint8_t, 16>;

inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolEsp = 50;

inline constexpr uint8_t kTcpFin = 1;
inline constexpr uint8_t kTcpSyn = 2;
inline constexpr uint8_t kTcpRst = 4;
inline constexpr uint8_t kTcpAck = 16;
inline constexpr uint8_t kTcpUrgent = 32;

// Borrows the packet's bytes (or the fragment table's, for a datagram that
// came in fragments): valid until the next Decode.
struct Segment {
  Address src{};
  Address dst{};
  uint16_t src_port = 0;
  uint16_t dst_port = 0;
  uint8_t protocol = 0;  // TCP, UDP or ESP; nothing else comes out
  uint8_t tcp_flags = 0;
  uint32_t tcp_seq = 0;
  uint32_t tcp_ack = 0;
  Bytes payload;               // what was captured of it
  uint32_t payload_bytes = 0;  // what was on the wire
  uint32_t ip_bytes = 0;       // from the innermost IP header
  uint32_t uid = platform::kNoUid;
  uint32_t interface = 0;   // see platform::Packet
  uint16_t stands_for = 1;  // see platform::Packet
};

}  // namespace schoolgate::agent
