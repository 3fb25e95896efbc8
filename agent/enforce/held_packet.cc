#include "agent/enforce/held_packet.h"

#include <algorithm>
#include <utility>

namespace schoolgate::agent {
namespace {

constexpr size_t kV4HeaderBytes = 20;
constexpr size_t kV6HeaderBytes = 40;
constexpr size_t kUdpHeaderBytes = 8;
constexpr size_t kTcpHeaderBytes = 20;
constexpr int kMaxExtensionHeaders = 16;
constexpr uint8_t kNextFragment = 44;
constexpr uint8_t kNextAuthentication = 51;
constexpr uint8_t kHopLimit = 64;
constexpr uint16_t kTcpWindow = 65'535;

using Bytes = std::span<const uint8_t>;

uint16_t Read16(Bytes bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

uint32_t Read32(Bytes bytes, size_t at) {
  return uint32_t{Read16(bytes, at)} << 16 | Read16(bytes, at + 2);
}

void Write16(std::vector<uint8_t>& to, size_t at, uint16_t value) {
  to[at] = static_cast<uint8_t>(value >> 8);
  to[at + 1] = static_cast<uint8_t>(value);
}

void Write32(std::vector<uint8_t>& to, size_t at, uint32_t value) {
  Write16(to, at, static_cast<uint16_t>(value >> 16));
  Write16(to, at + 2, static_cast<uint16_t>(value));
}

// One's complement sum of RFC 1071, not yet folded.
uint64_t Sum(Bytes bytes) {
  uint64_t sum = 0;
  size_t at = 0;
  for (; bytes.size() - at >= 2; at += 2) sum += Read16(bytes, at);
  if (at < bytes.size()) sum += uint16_t{bytes[at]} << 8;
  return sum;
}

uint16_t Fold(uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

bool ParseTcp(Bytes segment, HeldPacket* held) {
  if (segment.size() < kTcpHeaderBytes) return false;
  const size_t header = size_t{segment[12]} >> 4 << 2;
  if (header < kTcpHeaderBytes || header > segment.size()) return false;
  held->sequence = Read32(segment, 4);
  held->acknowledgement = Read32(segment, 8);
  held->tcp_flags = segment[13];
  held->payload = segment.subspan(header);
  return true;
}

bool ParseUdp(Bytes datagram, HeldPacket* held) {
  if (datagram.size() < kUdpHeaderBytes) return false;
  const size_t length = Read16(datagram, 4);
  if (length < kUdpHeaderBytes || length > datagram.size()) return false;
  held->payload = datagram.subspan(kUdpHeaderBytes, length - kUdpHeaderBytes);
  return true;
}

bool ParseTransport(Bytes bytes, HeldPacket* held) {
  if (bytes.size() < 4) return false;
  held->source_port = Read16(bytes, 0);
  held->destination_port = Read16(bytes, 2);
  if (held->protocol == kProtocolTcp) return ParseTcp(bytes, held);
  if (held->protocol == kProtocolUdp) return ParseUdp(bytes, held);
  return false;
}

std::optional<HeldPacket> ParseV4(Bytes packet) {
  if (packet.size() < kV4HeaderBytes) return std::nullopt;
  const size_t header = size_t{packet[0] & 0x0fu} << 2;
  const size_t total = Read16(packet, 2);
  if (header < kV4HeaderBytes || total < header || total > packet.size()) {
    return std::nullopt;
  }
  const bool fragment = (Read16(packet, 6) & 0x3fff) != 0;
  if (fragment) return std::nullopt;
  HeldPacket held{.v6 = false, .protocol = packet[9]};
  held.source = packet.subspan(12, 4);
  held.destination = packet.subspan(16, 4);
  if (!ParseTransport(packet.subspan(header, total - header), &held)) {
    return std::nullopt;
  }
  return held;
}

// The size of an IPv6 extension header, 0 when it is none that can be skipped.
size_t ExtensionBytes(uint8_t kind, Bytes rest) {
  if (rest.size() < 8) return 0;
  switch (kind) {
    case 0:    // hop by hop
    case 43:   // routing
    case 60:   // destination options
    case 135:  // mobility
    case 139:  // host identity
    case 140:  // shim6
      return (size_t{rest[1]} + 1) * 8;
    case kNextFragment:  // a whole packet may carry one, too (RFC 6946)
      return (Read16(rest, 2) & 0xfff9) == 0 ? 8 : 0;
    case kNextAuthentication:
      return (size_t{rest[1]} + 2) * 4;
    default:
      return 0;
  }
}

std::optional<HeldPacket> ParseV6(Bytes packet) {
  if (packet.size() < kV6HeaderBytes) return std::nullopt;
  const size_t length = Read16(packet, 4);
  if (length > packet.size() - kV6HeaderBytes) return std::nullopt;
  HeldPacket held{.v6 = true, .protocol = packet[6]};
  held.source = packet.subspan(8, 16);
  held.destination = packet.subspan(24, 16);
  Bytes rest = packet.subspan(kV6HeaderBytes, length);
  for (int skipped = 0; skipped <= kMaxExtensionHeaders; ++skipped) {
    if (held.protocol == kProtocolTcp || held.protocol == kProtocolUdp) {
      if (!ParseTransport(rest, &held)) return std::nullopt;
      return held;
    }
    const size_t size = ExtensionBytes(held.protocol, rest);
    if (size == 0 || size > rest.size()) return std::nullopt;
    held.protocol = rest[0];
    rest = rest.subspan(size);
  }
  return std::nullopt;
}

// An IP packet with the given addresses; the transport part follows zeroed.
std::vector<uint8_t> IpShell(bool v6, Bytes from, Bytes to, uint8_t protocol,
                             size_t transport_bytes) {
  const size_t header = v6 ? kV6HeaderBytes : kV4HeaderBytes;
  std::vector<uint8_t> packet(header + transport_bytes);
  if (v6) {
    packet[0] = 0x60;
    Write16(packet, 4, static_cast<uint16_t>(transport_bytes));
    packet[6] = protocol;
    packet[7] = kHopLimit;
    std::copy(from.begin(), from.end(), packet.begin() + 8);
    std::copy(to.begin(), to.end(), packet.begin() + 24);
  } else {
    packet[0] = 0x45;
    Write16(packet, 2, static_cast<uint16_t>(packet.size()));
    packet[6] = 0x40;  // don't fragment
    packet[8] = kHopLimit;
    packet[9] = protocol;
    std::copy(from.begin(), from.end(), packet.begin() + 12);
    std::copy(to.begin(), to.end(), packet.begin() + 16);
    Write16(packet, 10, Fold(Sum({packet.data(), kV4HeaderBytes})));
  }
  return packet;
}

// Fills the transport checksum at `checksum_at` of the transport part.
void FinishChecksum(std::vector<uint8_t>& packet, bool v6, size_t header,
                    uint8_t protocol, size_t checksum_at) {
  const Bytes all(packet);
  const Bytes addresses = v6 ? all.subspan(8, 32) : all.subspan(12, 8);
  const Bytes transport = all.subspan(header);
  uint16_t sum =
      Fold(Sum(addresses) + protocol + transport.size() + Sum(transport));
  // Zero would mean "no checksum" in UDP (RFC 768).
  if (sum == 0 && protocol == kProtocolUdp) sum = 0xffff;
  Write16(packet, header + checksum_at, sum);
}

struct TcpHead {
  uint16_t source_port;
  uint16_t destination_port;
  uint32_t sequence;
  uint32_t acknowledgement;
  uint8_t flags;
};

std::vector<uint8_t> TcpPacket(bool v6, Bytes from, Bytes to,
                               const TcpHead& head, Bytes payload) {
  std::vector<uint8_t> packet =
      IpShell(v6, from, to, kProtocolTcp, kTcpHeaderBytes + payload.size());
  const size_t at = packet.size() - payload.size() - kTcpHeaderBytes;
  Write16(packet, at, head.source_port);
  Write16(packet, at + 2, head.destination_port);
  Write32(packet, at + 4, head.sequence);
  Write32(packet, at + 8, head.acknowledgement);
  packet[at + 12] = (kTcpHeaderBytes / 4) << 4;
  packet[at + 13] = head.flags;
  Write16(packet, at + 14, kTcpWindow);
  std::copy(payload.begin(), payload.end(),
            packet.begin() + static_cast<ptrdiff_t>(at + kTcpHeaderBytes));
  FinishChecksum(packet, v6, at, kProtocolTcp, 16);
  return packet;
}

}  // namespace

std::optional<HeldPacket> ParseHeld(std::span<const uint8_t> packet) {
  if (packet.empty()) return std::nullopt;
  switch (packet[0] >> 4) {
    case 4:
      return ParseV4(packet);
    case 6:
      return ParseV6(packet);
    default:
      return std::nullopt;
  }
}

std::vector<uint8_t> UdpReply(const HeldPacket& to_answer,
                              std::span<const uint8_t> payload) {
  std::vector<uint8_t> packet =
      IpShell(to_answer.v6, to_answer.destination, to_answer.source,
              kProtocolUdp, kUdpHeaderBytes + payload.size());
  const size_t at = packet.size() - payload.size() - kUdpHeaderBytes;
  Write16(packet, at, to_answer.destination_port);
  Write16(packet, at + 2, to_answer.source_port);
  Write16(packet, at + 4,
          static_cast<uint16_t>(kUdpHeaderBytes + payload.size()));
  std::copy(payload.begin(), payload.end(),
            packet.begin() + static_cast<ptrdiff_t>(at + kUdpHeaderBytes));
  FinishChecksum(packet, to_answer.v6, at, kProtocolUdp, 6);
  return packet;
}

std::vector<uint8_t> TcpReply(const HeldPacket& to_answer, uint8_t flags,
                              std::span<const uint8_t> payload) {
  const uint32_t received =
      to_answer.sequence + static_cast<uint32_t>(to_answer.payload.size());
  return TcpPacket(to_answer.v6, to_answer.destination, to_answer.source,
                   {.source_port = to_answer.destination_port,
                    .destination_port = to_answer.source_port,
                    .sequence = to_answer.acknowledgement,
                    .acknowledgement = received,
                    .flags = flags},
                   payload);
}

std::vector<uint8_t> UdpInstead(const HeldPacket& held,
                                std::span<const uint8_t> payload) {
  HeldPacket turned = held;
  std::swap(turned.source, turned.destination);
  std::swap(turned.source_port, turned.destination_port);
  return UdpReply(turned, payload);
}

std::vector<uint8_t> WithoutPayload(std::span<const uint8_t> packet,
                                    const HeldPacket& held) {
  const size_t size = packet.size() - held.payload.size();
  std::vector<uint8_t> bare(packet.begin(),
                            packet.begin() + static_cast<ptrdiff_t>(size));
  const bool end = held.payload.data() + held.payload.size() ==
                   packet.data() + packet.size();
  // Extension headers would move the checksum; nobody opens like that.
  if (!end || (held.v6 && packet[6] != kProtocolTcp)) return {};
  const size_t header =
      held.v6 ? kV6HeaderBytes : size_t{packet[0] & 0x0fu} << 2;
  if (held.v6) {
    Write16(bare, 4, static_cast<uint16_t>(size - header));
  } else {
    Write16(bare, 2, static_cast<uint16_t>(size));
    Write16(bare, 10, 0);
    Write16(bare, 10, Fold(Sum({bare.data(), header})));
  }
  Write16(bare, header + 16, 0);
  FinishChecksum(bare, held.v6, header, kProtocolTcp, 16);
  return bare;
}

std::vector<uint8_t> TcpOpening(const HeldPacket& held) {
  return TcpPacket(held.v6, held.source, held.destination,
                   {.source_port = held.source_port,
                    .destination_port = held.destination_port,
                    .sequence = held.sequence - 1,
                    .acknowledgement = 0,
                    .flags = kTcpSyn},
                   {});
}

std::vector<uint8_t> TcpResetOnwards(const HeldPacket& held) {
  return TcpPacket(held.v6, held.source, held.destination,
                   {.source_port = held.source_port,
                    .destination_port = held.destination_port,
                    .sequence = held.sequence,
                    .acknowledgement = held.acknowledgement,
                    .flags = kTcpRst | kTcpAck},
                   {});
}

}  // namespace schoolgate::agent
