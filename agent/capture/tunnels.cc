// The tunnels of PacketDecoder: GRE and those that ride on UDP.
#include "agent/capture/layer_bytes.h"
#include "agent/capture/packet_decoder.h"

namespace schoolgate::agent {
namespace {

constexpr uint16_t kPortL2tp = 1701;
constexpr uint16_t kPortGtpUser = 2152;
constexpr uint16_t kPortAmt = 2268;
constexpr uint16_t kPortGtpOld = 3386;
constexpr uint16_t kPortTeredo = 3544;
constexpr uint16_t kPortLisp = 4341;
constexpr uint16_t kPortGreInUdp = 4754;
constexpr uint16_t kPortVxlan = 4789;
constexpr uint16_t kPortVxlanExtended = 4790;
constexpr uint16_t kPortPeekRemote = 5000;
constexpr uint16_t kPortAyiya = 5072;
constexpr uint16_t kPortCapwapData = 5247;
constexpr uint16_t kPortGeneve = 6081;
constexpr uint16_t kPortSflow = 6343;
constexpr uint16_t kPortMplsInUdp = 6635;
constexpr uint16_t kPortVxlanLinux = 8472;
constexpr uint16_t kPortLwappData = 12222;
constexpr uint16_t kPortJuniperMirror = 30030;
constexpr uint16_t kPortTzsp = 37008;
constexpr uint16_t kFirstFreePort = 1024;

bool IsDnsPort(uint16_t port) {
  return port == 53 || port == 5353 || port == 5355;
}

}  // namespace

Decoded PacketDecoder::Gre(Bytes bytes) {
  constexpr uint16_t kErspan2 = 0x88be;
  constexpr uint16_t kWccp = 0x883e;
  constexpr uint16_t kErspan3 = 0x22eb;
  constexpr uint16_t kFrameRelay = 0x6559;
  constexpr uint16_t kEthernetElder = 0x6400;
  constexpr uint8_t kAruba = 0x82;  // with a tunnel's number in the low byte
  ByteReader reader(bytes);
  const uint16_t flags = reader.U16();
  const uint16_t type = reader.U16();
  if ((flags & 0xc000) != 0) reader.Skip(4);  // checksum, routing
  if ((flags & 0x2000) != 0) reader.Skip(4);  // key
  if ((flags & 0x1000) != 0) reader.Skip(4);  // sequence
  if ((flags & 0x4007) == 0x4000) SkipRoutes(reader);
  if ((flags & 0x0080) != 0) reader.Skip(4);  // PPTP acknowledgement
  if (type == kErspan2 && (flags & 0x1000) != 0) reader.Skip(8);
  if (type == kErspan3) {
    const Bytes header = reader.Take(12);
    if (header.size() == 12 && (header[11] & 1) != 0) reader.Skip(8);
  }
  if (!reader.ok() || ++depth_ > kMaxDepth) return Decoded::kUndecodable;
  if (type == kErspan2 || type == kErspan3 || type == kEthernetElder) {
    return Ethernet(reader.rest());
  }
  if (type == kFrameRelay) return FrameRelay(reader.rest());
  if (type >> 8 == kAruba) return WirelessOfController(reader.rest());
  if (type == kWccp) {
    if (reader.Peek() >> 4 != 4) reader.Skip(4);  // redirect header
    return AnyIp(reader.rest());
  }
  return EtherType(type, reader.rest());
}

// The routes of GRE's first form (RFC 1701): each has a family, an offset and a
// length; an empty one ends them.
void PacketDecoder::SkipRoutes(ByteReader& reader) {
  for (int i = 0; i < kMaxExtensionHeaders; ++i) {
    const uint16_t family = reader.U16();
    reader.Skip(1);
    const size_t length = reader.U8();
    if (family == 0 && length == 0) return;
    reader.Skip(length);
  }
}

// Whether UdpTunnel may find anything: cheap, for each datagram.
bool PacketDecoder::IsTunnelPort(uint16_t src, uint16_t dst) {
  switch (dst) {
    case kPortVxlan:
    case kPortVxlanExtended:
    case kPortVxlanLinux:
    case kPortGeneve:
    case kPortGtpUser:
    case kPortTeredo:
    case kPortL2tp:
    case kPortGreInUdp:
    case kPortLisp:
    case kPortMplsInUdp:
    case kPortTzsp:
    case kPortGtpOld:
    case kPortAyiya:
    case kPortCapwapData:
    case kPortLwappData:
    case kPortAmt:
    case kPortPeekRemote:
    case kPortSflow:
    case kPortJuniperMirror:
      return !IsDnsPort(src);
    default:
      // Nobody asks from the port of another service.
      if (dst < kFirstFreePort || IsDnsPort(dst)) return false;
      return src == kPortGtpUser || src == kPortTeredo || src == kPortL2tp ||
             src == kPortGtpOld || src == kPortAyiya ||
             src == kPortCapwapData || src == kPortLwappData;
  }
}

Decoded PacketDecoder::UdpTunnel(Bytes payload) {
  if (++depth_ > kMaxDepth) return Decoded::kUndecodable;
  const Decoded inner = UdpTunnelTo(out_->dst_port, payload);
  if (inner == Decoded::kSegment) return inner;
  // What comes back from the port of such a service.
  switch (out_->src_port) {
    case kPortGtpUser:
    case kPortGtpOld:
    case kPortTeredo:
    case kPortL2tp:
    case kPortAyiya:
    case kPortCapwapData:
    case kPortLwappData:
      return UdpTunnelTo(out_->src_port, payload);
    default:
      return inner;
  }
}

Decoded PacketDecoder::UdpTunnelTo(uint16_t port, Bytes payload) {
  switch (port) {
    case kPortVxlan:
    case kPortVxlanExtended:
    case kPortVxlanLinux:
      return Vxlan(payload);
    case kPortGeneve:
      return Geneve(payload);
    case kPortGtpUser:
      return Gtp(payload);
    case kPortGtpOld:
      return GtpOld(payload);
    case kPortTeredo:
      return Teredo(payload);
    case kPortL2tp:
      return L2tp(payload);
    case kPortGreInUdp:
      return Gre(payload);
    case kPortLisp:
      return AnyIp(After(payload, 8));
    case kPortMplsInUdp:
      return Mpls(payload);
    case kPortCapwapData:
      return Capwap(payload);
    case kPortLwappData:
      return Lwapp(payload);
    case kPortAyiya:
      return Ayiya(payload);
    case kPortTzsp:
      return Tzsp(payload);
    case kPortAmt:
      return Amt(payload);
    case kPortPeekRemote:
      return PeekRemote(payload);
    case kPortSflow:
      return Sflow(payload);
    case kPortJuniperMirror:
      return AnyIp(After(payload, 8));
    default:
      return Decoded::kUndecodable;
  }
}

Decoded PacketDecoder::Vxlan(Bytes bytes) {
  if (bytes.size() < 22) return Decoded::kUndecodable;
  const Bytes inner = bytes.subspan(8);
  // Without the mark of a network's number it is a guess.
  if ((bytes[0] & 0x08) == 0 && !LooksLikeIpFrame(inner)) {
    return Decoded::kUndecodable;
  }
  if ((bytes[0] & 0x04) == 0) return Ethernet(inner);
  switch (bytes[3]) {  // generic protocol extension
    case 3:
      return Ethernet(inner);
    case 4:
      return Nsh(inner);
    case 5:
      return Mpls(inner);
    default:
      return AnyIp(inner);
  }
}

Decoded PacketDecoder::Geneve(Bytes bytes) {
  if (bytes.size() < 8 || bytes[0] >> 6 != 0) return Decoded::kUndecodable;
  const size_t header = 8 + (bytes[0] & 0x3f) * size_t{4};
  if (bytes.size() < header) return Decoded::kUndecodable;
  return EtherType(LoadU16(bytes.data() + 2), bytes.subspan(header));
}

Decoded PacketDecoder::Gtp(Bytes bytes) {
  constexpr uint8_t kUserData = 0xff;
  ByteReader reader(bytes);
  const uint8_t flags = reader.U8();
  const uint8_t type = reader.U8();
  reader.Skip(6);
  if (flags >> 5 != 1 || type != kUserData) return Decoded::kUndecodable;
  if ((flags & 7) != 0) {
    reader.Skip(3);
    uint8_t extension = reader.U8();
    if ((flags & 4) == 0) extension = 0;  // the byte is there all the same
    for (int i = 0; extension != 0 && i < kMaxExtensionHeaders; ++i) {
      const size_t length = reader.U8() * size_t{4};
      if (length < 4 || reader.left() < length - 1) {
        return Decoded::kUndecodable;
      }
      reader.Skip(length - 2);
      extension = reader.U8();
    }
  }
  return reader.ok() ? AnyIp(reader.rest()) : Decoded::kUndecodable;
}

Decoded PacketDecoder::Teredo(Bytes bytes) {
  ByteReader reader(bytes);
  if (reader.left() >= 4 && LoadU16(bytes.data()) == 1) {  // authentication
    reader.Skip(2);
    const size_t id = reader.U8();
    const size_t value = reader.U8();
    reader.Skip(id + value + 9);
  }
  if (reader.left() >= 8 && LoadU16(reader.rest().data()) == 0) {  // origin
    reader.Skip(8);
  }
  if (!reader.ok() || reader.Peek() >> 4 != 6) return Decoded::kUndecodable;
  return Ipv6(reader.rest());
}

// GTP of GPRS, version 0.
Decoded PacketDecoder::GtpOld(Bytes bytes) {
  constexpr uint8_t kUserData = 0xff;
  if (bytes.size() < 21 || bytes[0] >> 5 != 0 || bytes[1] != kUserData) {
    return Decoded::kUndecodable;
  }
  return AnyIp(bytes.subspan(20));
}

// Multicast over networks that have none: data, and what a member says.
Decoded PacketDecoder::Amt(Bytes bytes) {
  constexpr uint8_t kMemberUpdate = 5;
  constexpr uint8_t kData = 6;
  if (bytes.size() < 12) return Decoded::kUndecodable;
  if (bytes[0] == kData) return AnyIp(bytes.subspan(2));
  return bytes[0] == kMemberUpdate ? AnyIp(bytes.subspan(12))
                                   : Decoded::kUndecodable;
}

// Anything-in-anything, of SixXS.
Decoded PacketDecoder::Ayiya(Bytes bytes) {
  constexpr uint8_t kForward = 1;
  if (bytes.size() < 8 || (bytes[2] & 15) != kForward) {
    return Decoded::kUndecodable;
  }
  const size_t id = size_t{1} << (bytes[0] >> 4);
  const size_t signature = (bytes[1] >> 4) * size_t{4};
  return AnyIp(After(bytes, 8 + id + signature));
}

// A session's frame, behind a cookie and a header whose lengths were agreed
// before.
Decoded PacketDecoder::PseudowireFrame(Bytes bytes) {
  for (size_t header = 0; header <= 12; header += 4) {
    const Bytes frame = After(bytes, header);
    if (LooksLikeIpFrame(frame)) return Ethernet(frame);
    if (frame.size() > 4 && LoadU32(frame.data()) == 0xff030021) {
      return AnyIp(frame.subspan(4));
    }
  }
  return Decoded::kNothing;
}

Decoded PacketDecoder::L2tp(Bytes bytes) {
  ByteReader reader(bytes);
  const uint16_t flags = reader.U16();
  if ((flags & 0x800f) == 0x0003) return PseudowireFrame(After(bytes, 8));
  if ((flags & 0x800f) != 0x0002) return Decoded::kUndecodable;
  if ((flags & 0x4000) != 0) reader.Skip(2);  // length
  reader.Skip(4);                             // tunnel, session
  if ((flags & 0x0800) != 0) reader.Skip(4);  // sequence
  if ((flags & 0x0200) != 0) reader.Skip(reader.U16());
  return reader.ok() ? Ppp(reader.rest()) : Decoded::kUndecodable;
}

Decoded PacketDecoder::Tzsp(Bytes bytes) {
  constexpr uint16_t kEthernet = 1;
  constexpr uint16_t kWireless = 18;
  ByteReader reader(bytes);
  reader.Skip(2);
  const uint16_t inner = reader.U16();
  while (reader.ok()) {
    const uint8_t tag = reader.U8();
    if (tag == 1) break;     // end
    if (tag == 0) continue;  // padding
    reader.Skip(reader.U8());
  }
  if (!reader.ok()) return Decoded::kUndecodable;
  if (inner == kEthernet) return Ethernet(reader.rest());
  return inner == kWireless ? Wireless(reader.rest()) : Decoded::kUndecodable;
}

}  // namespace schoolgate::agent
