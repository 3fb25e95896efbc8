// Small helpers of PacketDecoder's parts.
#pragma once

#include "agent/capture/byte_reader.h"

namespace schoolgate::agent {

// What follows the first `count` bytes; empty when there are not so many.
inline Bytes After(Bytes bytes, size_t count) {
  return count <= bytes.size() ? bytes.subspan(count) : Bytes{};
}

// Little-endian; 0 beyond the end.
inline size_t LittleU16(Bytes bytes, size_t at) {
  return bytes.size() < at + 2 ? 0 : bytes[at] | size_t{bytes[at + 1]} << 8;
}

// Whether this can be an Ethernet frame with an IP packet in it, behind VLAN
// tags perhaps: for places where nothing says what follows.
inline bool LooksLikeIpFrame(Bytes bytes) {
  for (size_t at = 12; bytes.size() >= at + 22; at += 4) {
    const uint16_t type = LoadU16(bytes.data() + at);
    const uint8_t first = bytes[at + 2];
    if (type == 0x0800) return first >> 4 == 4 && (first & 15) >= 5;
    if (type == 0x86dd) return first >> 4 == 6;
    if (type != 0x8100 && type != 0x88a8) return false;
  }
  return false;
}

// Whether this can be nothing but an IP packet, which may be cut: for places
// where even that is a guess.
inline bool IsSurelyIp(Bytes bytes) {
  if (bytes.size() < 20) return false;
  if (bytes[0] >> 4 == 6) {
    const size_t all = size_t{40} + LoadU16(bytes.data() + 4);
    return bytes.size() >= 40 && all > 40 && all >= bytes.size();
  }
  const size_t header = (bytes[0] & 15) * size_t{4};
  if (bytes[0] >> 4 != 4 || header < 20 || header > bytes.size() ||
      LoadU16(bytes.data() + 2) < header) {
    return false;
  }
  uint32_t sum = 0;
  for (size_t at = 0; at < header; at += 2) sum += LoadU16(bytes.data() + at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

}  // namespace schoolgate::agent
