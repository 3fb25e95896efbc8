// IPv6 over IEEE 802.15.4, as sensors and Thread's devices speak it: the
// radio's frames, and the packets whose headers were left out of them (RFC
// 4944, 6282).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "agent/capture/byte_reader.h"

namespace schoolgate::agent {

// The last eight bytes of an IPv6 address that a radio's address stands for.
using InterfaceId = std::array<uint8_t, 8>;

// A data frame that is not encrypted. Borrows the bytes.
struct LowPowerFrame {
  InterfaceId src{};
  InterfaceId dst{};
  Bytes payload;  // without a checksum when there was none in what was read
};

// False for what carries no data that can be read.
bool ReadLowPowerFrame(Bytes bytes, LowPowerFrame* frame);

// A piece of a datagram that did not fit into one frame. Sizes are those of the
// datagram with all its headers.
struct LowPowerPiece {
  bool whole = true;    // it did fit: nothing else is set
  bool first = false;   // has the headers
  uint16_t bytes = 0;   // of the datagram
  uint16_t tag = 0;     // the same for all its pieces
  uint16_t offset = 0;  // where this piece belongs
};

// Passes over what a mesh puts in front (then its ends are the frame's) and
// over a fragment's header. False when it is broken.
bool ReadLowPowerPiece(LowPowerFrame* frame, LowPowerPiece* piece);

// Compressed headers of one packet, without IPv6's own.
inline constexpr int kMaxCompressedHeaders = 8;

// The packet as IPv6 has it; `datagram_bytes` 0: as long as the payload makes
// it. A prefix that only the network's members know stays zero. False for what
// is broken or of a kind that is not known.
bool ExpandLowPower(const LowPowerFrame& frame, size_t datagram_bytes,
                    std::vector<uint8_t>* packet);

}  // namespace schoolgate::agent
