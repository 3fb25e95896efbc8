#include "agent/capture/packet_decoder.h"

#include <algorithm>
#include <cstring>

namespace schoolgate::agent {
namespace {

constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kIpInIp = 4;
constexpr uint8_t kIpv6InIp = 41;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragmentHeader = 44;
constexpr uint8_t kGre = 47;
constexpr uint8_t kAuthentication = 51;
constexpr uint8_t kDestinationOptions = 60;
constexpr uint8_t kIpWithinIp = 94;
constexpr uint8_t kEtherIp = 97;
constexpr uint8_t kPim = 103;
constexpr uint8_t kL2tp3 = 115;
constexpr uint8_t kMobility = 135;
constexpr uint8_t kUdpLite = 136;
constexpr uint8_t kMplsInIp = 137;
constexpr uint8_t kHip = 139;
constexpr uint8_t kShim6 = 140;
constexpr uint8_t kEthernetInIp = 143;

constexpr uint16_t kTypeIpv4 = 0x0800;
constexpr uint16_t kTypeIpv6 = 0x86dd;

// In two stores of eight bytes, as the flow table loads them again.
void SetIpv4(const uint8_t* from, Address* to) {
  uint8_t mapped[8] = {0, 0, 0xff, 0xff, from[0], from[1], from[2], from[3]};
  uint64_t half;
  std::memcpy(&half, mapped, 8);
  std::memset(to->data(), 0, 8);
  std::memcpy(to->data() + 8, &half, 8);
}

bool IsExtension(uint8_t header) {
  return header == kHopByHop || header == kRouting ||
         header == kDestinationOptions || header == kMobility ||
         header == kHip || header == kShim6;
}

// An IP protocol that carries other packets.
bool IsTunnel(uint8_t protocol) {
  return protocol == kIpInIp || protocol == kIpv6InIp || protocol == kGre ||
         protocol == kIpWithinIp || protocol == kEtherIp ||
         protocol == kL2tp3 || protocol == kMplsInIp ||
         protocol == kEthernetInIp;
}

bool IsMapped(const Address& address) {
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(address.data(), kMapped, sizeof(kMapped)) == 0;
}

}  // namespace

void PacketDecoder::Begin(const platform::Packet& packet, Segment* segment) {
  out_ = segment;
  out_->uid = packet.uid;
  out_->interface = packet.interface;
  out_->stands_for = packet.stands_for;
  time_us_ = packet.time_us;
  as_sent_ = packet.as_sent;
  depth_ = 0;
  reassembled_ = 0;
}

Decoded PacketDecoder::Decode(const platform::Packet& packet,
                              Segment* segment) {
  Begin(packet, segment);
  frame_count_ = next_frame_ = 0;
  frames_in_table_ = false;
  expanded_in_use_ = false;
  return Link(packet.link_type, packet.bytes);
}

Decoded PacketDecoder::Ethernet(Bytes bytes) {
  if (bytes.size() < 14) return Decoded::kUndecodable;
  return EtherType(LoadU16(bytes.data() + 12), bytes.subspan(14));
}

Decoded PacketDecoder::EtherType(uint16_t type, Bytes bytes) {
  if (++depth_ > kMaxDepth) return Decoded::kUndecodable;
  if (type == kTypeIpv4) return Ipv4(bytes);
  if (type == kTypeIpv6) return Ipv6(bytes);
  return OtherEtherType(type, bytes);
}

Decoded PacketDecoder::AnyIp(Bytes bytes) {
  if (++depth_ > kMaxDepth || bytes.empty()) return Decoded::kUndecodable;
  if (bytes[0] >> 4 == 4) return Ipv4(bytes);
  if (bytes[0] >> 4 == 6) return Ipv6(bytes);
  return Decoded::kUndecodable;
}

Decoded PacketDecoder::WholeDatagram(const Fragment& fragment) {
  if (frames_in_table_) return Decoded::kUndecodable;
  const Bytes whole = fragments_.Add(fragment, time_us_);
  if (whole.empty()) return Decoded::kNothing;
  if (++reassembled_ > kMaxReassembled) return Decoded::kUndecodable;
  return AfterIp(fragments_.protocol(), whole, whole.size());
}

Decoded PacketDecoder::Ipv4With(uint8_t protocol, Bytes bytes) {
  if (bytes.size() < 20 || bytes[0] >> 4 != 4) return Decoded::kUndecodable;
  const size_t header = (bytes[0] & 15) * size_t{4};
  size_t total = LoadU16(bytes.data() + 2);
  if (total == 0) total = bytes.size();  // segmentation offload
  if (header < 20 || total < header || bytes.size() < header) {
    return Decoded::kUndecodable;
  }
  SetIpv4(bytes.data() + 12, &out_->src);
  SetIpv4(bytes.data() + 16, &out_->dst);
  out_->ip_bytes = static_cast<uint32_t>(total);
  const uint16_t where = LoadU16(bytes.data() + 6);
  const size_t wire = total - header;
  const Bytes payload =
      bytes.subspan(header, std::min(wire, bytes.size() - header));
  if ((where & 0x3fff) == 0) [[likely]]
    return Transport(protocol, payload, wire);
  if (payload.size() < wire) {  // its datagram will never be whole
    return (where & 0x1fff) == 0 ? Transport(protocol, payload, wire)
                                 : Decoded::kUndecodable;
  }
  return WholeDatagram({.src = out_->src,
                        .dst = out_->dst,
                        .id = LoadU16(bytes.data() + 4),
                        .protocol = protocol,
                        .offset = (where & 0x1fffu) * 8,
                        .more = (where & 0x2000) != 0,
                        .bytes = payload});
}

Decoded PacketDecoder::Ipv6(Bytes bytes) {
  if (bytes.size() < 40 || bytes[0] >> 4 != 6) return Decoded::kUndecodable;
  std::memcpy(out_->src.data(), bytes.data() + 8, 16);
  std::memcpy(out_->dst.data(), bytes.data() + 24, 16);
  size_t wire = LoadU16(bytes.data() + 4);
  if (wire == 0) wire = bytes.size() - 40;  // jumbogram or offload
  out_->ip_bytes = static_cast<uint32_t>(wire + 40);
  const Bytes payload = bytes.subspan(40, std::min(wire, bytes.size() - 40));
  return AfterIp(bytes[6], payload, wire);
}

// Extension headers, then the transport.
Decoded PacketDecoder::AfterIp(uint8_t next, Bytes payload, size_t wire) {
  for (int i = 0; i <= kMaxExtensionHeaders; ++i) {
    if (!IsExtension(next) && next != kFragmentHeader) {
      return Transport(next, payload, wire);
    }
    if (payload.size() < 8) return Decoded::kUndecodable;
    const bool fragment = next == kFragmentHeader;
    const size_t length = fragment ? 8 : 8 + payload[1] * size_t{8};
    if (payload.size() < length) return Decoded::kUndecodable;
    const uint16_t where = LoadU16(payload.data() + 2);
    const uint32_t id = LoadU32(payload.data() + 4);
    next = payload[0];
    payload = payload.subspan(length);
    wire -= length;
    if (!fragment || (where & 0xfff9) == 0) continue;  // whole or atomic
    if (payload.size() < wire) {  // its datagram will never be whole
      if ((where & 0xfff8) == 0) continue;
      return Decoded::kUndecodable;
    }
    return WholeDatagram({.src = out_->src,
                          .dst = out_->dst,
                          .id = id,
                          .protocol = next,
                          .offset = where & 0xfff8u,
                          .more = (where & 1) != 0,
                          .bytes = payload,
                          .first_says = true});
  }
  return Decoded::kUndecodable;
}

// What has no ports: only its kind is told.
Decoded PacketDecoder::WithoutPorts(Bytes bytes, size_t wire_bytes) {
  out_->protocol = kProtocolEsp;
  out_->src_port = out_->dst_port = 0;
  out_->payload = bytes;
  out_->payload_bytes = static_cast<uint32_t>(wire_bytes);
  return Decoded::kSegment;
}

Decoded PacketDecoder::Transport(uint8_t protocol, Bytes bytes,
                                 size_t wire_bytes) {
  if (as_sent_ && IsTunnel(protocol)) return WithoutPorts(bytes, wire_bytes);
  switch (protocol) {
    case kProtocolTcp:
      return Tcp(bytes, wire_bytes);
    case kProtocolUdp:
      return Udp(bytes, wire_bytes, /*lite=*/false);
    case kProtocolEsp:
      return WithoutPorts(bytes, wire_bytes);
    case kIpInIp:
    case kIpv6InIp:
    case kIpWithinIp:
      return AnyIp(bytes);
    case kGre:
      return Gre(bytes);
    case kEtherIp:
      return bytes.size() < 2 ? Decoded::kUndecodable
                              : Ethernet(bytes.subspan(2));
    case kMplsInIp:
      return Mpls(bytes);
    case kEthernetInIp:
      return Ethernet(bytes);
    case kUdpLite:
      return Udp(bytes, wire_bytes, /*lite=*/true);
    case kL2tp3:  // session 0 is for control
      if (bytes.size() < 4 || LoadU32(bytes.data()) == 0) {
        return Decoded::kNothing;
      }
      return PseudowireFrame(bytes.subspan(4));
    case kPim:  // what a router hands to the meeting point
      if (bytes.size() < 9 || bytes[0] != 0x21) return Decoded::kNothing;
      return AnyIp(bytes.subspan(8));
    case kAuthentication: {
      if (bytes.size() < 12 || ++depth_ > kMaxDepth) {
        return Decoded::kUndecodable;
      }
      const size_t length = (bytes[1] + size_t{2}) * 4;
      if (bytes.size() < length) return Decoded::kUndecodable;
      return Transport(bytes[0], bytes.subspan(length), wire_bytes - length);
    }
    default:
      return Decoded::kNothing;
  }
}

Decoded PacketDecoder::Tcp(Bytes bytes, size_t wire_bytes) {
  if (bytes.size() < 20) return Decoded::kUndecodable;
  const size_t header = (bytes[12] >> 4) * size_t{4};
  if (header < 20 || header > wire_bytes) return Decoded::kUndecodable;
  out_->protocol = kProtocolTcp;
  out_->src_port = LoadU16(bytes.data());
  out_->dst_port = LoadU16(bytes.data() + 2);
  out_->tcp_seq = LoadU32(bytes.data() + 4);
  out_->tcp_ack = LoadU32(bytes.data() + 8);
  out_->tcp_flags = bytes[13];
  out_->payload = bytes.subspan(std::min(header, bytes.size()));
  out_->payload_bytes = static_cast<uint32_t>(wire_bytes - header);
  return Decoded::kSegment;
}

// `lite`: UDP-Lite, which says how much its checksum covers where UDP says its
// length.
Decoded PacketDecoder::Udp(Bytes bytes, size_t wire_bytes, bool lite) {
  if (bytes.size() < 8) return Decoded::kUndecodable;
  const size_t length = LoadU16(bytes.data() + 4);
  size_t wire = wire_bytes - 8;
  if (!lite && length >= 8) {
    wire = std::min(wire, length - 8);
  } else if (!lite && (length != 0 || IsMapped(out_->src))) {
    return Decoded::kUndecodable;  // IPv6 has 0 for what is too long to say
  }
  const uint16_t src_port = LoadU16(bytes.data());
  const uint16_t dst_port = LoadU16(bytes.data() + 2);
  const Bytes payload = bytes.subspan(8, std::min(wire, bytes.size() - 8));

  out_->src_port = src_port;
  out_->dst_port = dst_port;
  if (IsTunnelPort(src_port, dst_port) && !as_sent_) {
    const Segment outer = *out_;
    if (UdpTunnel(payload) == Decoded::kSegment) return Decoded::kSegment;
    *out_ = outer;
  }
  out_->protocol = kProtocolUdp;
  out_->payload = payload;
  out_->payload_bytes = static_cast<uint32_t>(wire);
  return Decoded::kSegment;
}

}  // namespace schoolgate::agent
