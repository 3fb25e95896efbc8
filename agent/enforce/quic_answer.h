// The answer that a blocked QUIC connection gets: a Version Negotiation packet
// (RFC 9000, 17.2.1) that offers nothing the browser speaks, so that it falls
// back to TCP at once, where it meets a clear refusal.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace schoolgate::agent {

// Empty when the datagram does not start with a QUIC long header.
std::vector<uint8_t> RefuseQuic(std::span<const uint8_t> datagram);

}  // namespace schoolgate::agent
