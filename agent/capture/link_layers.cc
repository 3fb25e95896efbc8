// The link layers of PacketDecoder. Numbers are libpcap's DLT_* values, which
// differ from the files' LINKTYPE_* only where noted.
#include "agent/capture/packet_decoder.h"

namespace schoolgate::agent {
namespace {

enum Dlt {
  kDltNull = 0,
  kDltEthernet = 1,
  kDltTokenRing = 6,
  kDltSlip = 8,
  kDltPpp = 9,
  kDltFddi = 10,
  kDltAtmRfc1483 = 11,
  kDltRaw = 12,
  kDltRawOpenBsd = 14,
  kDltPppSerial = 50,
  kDltPppEthernet = 51,
  kDltLinkRaw = 101,  // LINKTYPE_RAW
  kDltCiscoHdlc = 104,
  kDltWireless = 105,
  kDltFrameRelay = 107,
  kDltLoop = 108,
  kDltEncrypted = 109,
  kDltLinuxCooked = 113,
  kDltPflog = 117,
  kDltPrism = 119,
  kDltIpOverFc = 122,
  kDltSunAtm = 123,
  kDltRadiotap = 127,
  kDltArcnetLinux = 129,
  kDltJuniperAtm2 = 135,
  kDltJuniperAtm1 = 137,
  kDltFirewire = 138,
  kDltDocsis = 143,
  kDltUser2 = 149,
  kDltAvs = 163,
  kDltPppPppd = 166,
  kDltJuniperPppoe = 167,
  kDltJuniperGgsn = 133,
  kDltJuniperEther = 178,
  kDltPpi = 192,
  kDltErf = 197,
  kDltPppWithDirection = 204,
  kDltHdlcWithDirection = 205,
  kDltFrameRelayWithDirection = 206,
  kDltMpls = 219,
  kDltIpnet = 226,
  kDltIpv4 = 228,
  kDltIpv6 = 229,
  kDltNflog = 239,
  kDltNetAnalyzer = 240,
  kDltPktap = 258,
  kDltLinuxCooked2 = 276,
};

Bytes After(Bytes bytes, size_t count) {
  return count <= bytes.size() ? bytes.subspan(count) : Bytes{};
}

size_t LittleU16(Bytes bytes, size_t at) {
  return bytes.size() < at + 2 ? 0 : bytes[at] | size_t{bytes[at + 1]} << 8;
}

}  // namespace

Decoded PacketDecoder::Link(int link_type, Bytes bytes) {
  if (link_type == kDltEthernet) [[likely]]
    return Ethernet(bytes);
  if (++depth_ > kMaxDepth) return Decoded::kUndecodable;
  switch (link_type) {
    case kDltNull:
    case kDltLoop:
      return AnyIp(After(bytes, 4));
    case kDltRaw:
    case kDltRawOpenBsd:
    case kDltLinkRaw:
    case kDltIpv4:
    case kDltIpv6:
      return AnyIp(bytes);
    case kDltLinuxCooked:
      if (bytes.size() < 16) return Decoded::kUndecodable;
      return EtherType(LoadU16(bytes.data() + 14), bytes.subspan(16));
    case kDltLinuxCooked2:
      if (bytes.size() < 20) return Decoded::kUndecodable;
      return EtherType(LoadU16(bytes.data()), bytes.subspan(20));
    case kDltNflog:
      return Nflog(bytes);
    case kDltWireless:
      return Wireless(bytes);
    case kDltRadiotap:
      return Wireless(After(bytes, LittleU16(bytes, 2)));
    case kDltPpp:
    case kDltPppSerial:
      return Ppp(bytes);
    case kDltMpls:
      return Mpls(bytes);
    default:
      return OtherLink(link_type, bytes);
  }
}

Decoded PacketDecoder::OtherLink(int link_type, Bytes bytes) {
  switch (link_type) {
    case kDltSlip:
      return AnyIp(After(bytes, 16));
    case kDltTokenRing: {
      if (bytes.size() < 15) return Decoded::kUndecodable;
      const bool routed = (bytes[8] & 0x80) != 0;
      return Llc(After(bytes, 14 + (routed ? bytes[14] & 0x1f : 0)));
    }
    case kDltFddi:
      return Llc(After(bytes, 13));
    case kDltAtmRfc1483:
      return Llc(bytes);
    case kDltPppEthernet:
      return Ppp(After(bytes, 6));
    case kDltPppPppd:
    case kDltPppWithDirection: {
      const Bytes frame = After(bytes, 1);
      return Ppp(!frame.empty() && frame[0] == 0x03 ? After(frame, 1) : frame);
    }
    case kDltCiscoHdlc:
      return CiscoHdlc(bytes);
    case kDltHdlcWithDirection:
      return CiscoHdlc(After(bytes, 1));
    case kDltFrameRelay:
      return FrameRelay(bytes);
    case kDltFrameRelayWithDirection:
      return FrameRelay(After(bytes, 1));
    case kDltEncrypted:
      return AnyIp(After(bytes, 12));
    default:
      return RareLink(link_type, bytes);
  }
}

Decoded PacketDecoder::RareLink(int link_type, Bytes bytes) {
  switch (link_type) {
    case kDltPflog:
      if (bytes.empty()) return Decoded::kUndecodable;
      return AnyIp(After(bytes, (bytes[0] + size_t{3}) & ~size_t{3}));
    case kDltPrism:
    case kDltAvs:
      if (bytes.size() < 8) return Decoded::kUndecodable;
      return Wireless(After(bytes, bytes[0] == 0x80 || bytes[0] == 0
                                       ? LoadU32(bytes.data() + 4)
                                       : 144));
    case kDltPpi:
      if (bytes.size() < 8) return Decoded::kUndecodable;
      return Link(static_cast<int>(LittleU16(bytes, 4)),
                  After(bytes, LittleU16(bytes, 2)));
    case kDltIpOverFc:
      return Llc(After(bytes, 16));
    case kDltSunAtm:
      return Llc(After(bytes, 4));
    case kDltArcnetLinux:
      if (bytes.size() < 6) return Decoded::kUndecodable;
      return AnyIp(After(bytes, bytes[4] == 0xf0 || bytes[4] == 0xf1 ? 5 : 8));
    case kDltFirewire:
      if (bytes.size() < 18) return Decoded::kUndecodable;
      return EtherType(LoadU16(bytes.data() + 16), bytes.subspan(18));
    case kDltDocsis:
      return Ethernet(After(bytes, 6));
    case kDltErf:
      return Ethernet(After(bytes, 18));
    case kDltIpnet:
      return AnyIp(After(bytes, 24));
    case kDltNetAnalyzer:
      return Ethernet(After(bytes, 4));
    case kDltPktap:
    case kDltUser2:
      return Pktap(bytes);
    case kDltJuniperEther:
    case kDltJuniperAtm1:
    case kDltJuniperAtm2:
    case kDltJuniperGgsn:
    case kDltJuniperPppoe:
      return Juniper(bytes, static_cast<size_t>(link_type));
    default:
      return Decoded::kUndecodable;
  }
}

Decoded PacketDecoder::OtherEtherType(uint16_t type, Bytes bytes) {
  switch (type) {
    case 0x8100:  // VLAN, QinQ and their elders
    case 0x88a8:
    case 0x9100:
    case 0x9200:
    case 0x9300:
    case 0x8926:  // VNTag: four bytes more, then the type
    case 0x892f:  // HSR
      if (bytes.size() < 6) return Decoded::kUndecodable;
      if (type == 0x8926 || type == 0x892f) {
        return EtherType(LoadU16(bytes.data() + 4), bytes.subspan(6));
      }
      return EtherType(LoadU16(bytes.data() + 2), bytes.subspan(4));
    case 0x893f:  // E-tag
      if (bytes.size() < 8) return Decoded::kUndecodable;
      return EtherType(LoadU16(bytes.data() + 6), bytes.subspan(8));
    case 0x88e7:  // provider backbone bridging
      return Ethernet(After(bytes, 4));
    case 0x8847:
    case 0x8848:
      return Mpls(bytes);
    case 0x8864:  // PPPoE session
      if (bytes.size() < 8) return Decoded::kUndecodable;
      return PppProtocol(LoadU16(bytes.data() + 6), bytes.subspan(8));
    case 0x880b:
      return Ppp(bytes);
    case 0x6558:  // transparent Ethernet bridging
      return Ethernet(bytes);
    case 0x0004:  // SLL's 802.2
    case 0x0001:
      return Llc(bytes);
    case 0x894f: {  // NSH
      if (bytes.size() < 8) return Decoded::kUndecodable;
      const Bytes inner = After(bytes, (bytes[1] & 0x3f) * size_t{4});
      return bytes[3] == 3 ? Ethernet(inner) : AnyIp(inner);
    }
    default:
      return type <= 1500 ? Llc(bytes) : Decoded::kNothing;
  }
}

Decoded PacketDecoder::Llc(Bytes bytes) {
  if (bytes.size() < 3) return Decoded::kUndecodable;
  if (bytes[0] == 0xaa && bytes[1] == 0xaa) {
    if (bytes.size() < 8) return Decoded::kUndecodable;
    return EtherType(LoadU16(bytes.data() + 6), bytes.subspan(8));
  }
  if (bytes[0] == 0x06 && bytes[1] == 0x06) return AnyIp(bytes.subspan(3));
  if (bytes[0] == 0xfe && bytes[1] == 0xfe && bytes.size() > 4) {
    if (bytes[3] == 0xcc) return AnyIp(bytes.subspan(4));  // NLPID
  }
  return Decoded::kNothing;
}

Decoded PacketDecoder::Mpls(Bytes bytes) {
  for (int label = 0; label < kMaxExtensionHeaders; ++label) {
    if (bytes.size() < 5) return Decoded::kUndecodable;
    const bool bottom = (bytes[2] & 1) != 0;
    bytes = bytes.subspan(4);
    if (!bottom) continue;
    const uint8_t nibble = bytes[0] >> 4;
    if (nibble == 4 || nibble == 6) {
      const Decoded inner = AnyIp(bytes);
      if (inner != Decoded::kUndecodable) return inner;
    }
    if (++depth_ > kMaxDepth) return Decoded::kUndecodable;
    return Ethernet(nibble == 0 ? After(bytes, 4) : bytes);
  }
  return Decoded::kUndecodable;
}

Decoded PacketDecoder::Ppp(Bytes bytes) {
  if (bytes.size() >= 2 && bytes[0] == 0xff && bytes[1] == 0x03) {
    bytes = bytes.subspan(2);
  } else if (bytes.size() >= 4 && (bytes[0] == 0x0f || bytes[0] == 0x8f) &&
             bytes[1] == 0) {
    return CiscoHdlc(bytes);
  }
  if (bytes.size() < 2) return Decoded::kUndecodable;
  if ((bytes[0] & 1) != 0) return PppProtocol(bytes[0], bytes.subspan(1));
  return PppProtocol(LoadU16(bytes.data()), bytes.subspan(2));
}

Decoded PacketDecoder::PppProtocol(uint16_t protocol, Bytes bytes) {
  switch (protocol) {
    case 0x0021:
    case 0x0057:
      return AnyIp(bytes);
    case 0x0281:
    case 0x0283:
      return Mpls(bytes);
    default:
      return Decoded::kNothing;
  }
}

Decoded PacketDecoder::FrameRelay(Bytes bytes) {
  size_t address = 0;  // address bytes end with a set low bit
  while (address < 4 && address < bytes.size() && !(bytes[address] & 1)) {
    ++address;
  }
  bytes = After(bytes, address + 1);
  if (bytes.size() < 4) return Decoded::kUndecodable;
  if (bytes[0] != 0x03) {  // Cisco's own encapsulation
    return EtherType(LoadU16(bytes.data()), bytes.subspan(2));
  }
  bytes = bytes.subspan(1);
  if (bytes[0] == 0) bytes = bytes.subspan(1);  // pad
  if (bytes.size() < 7) return Decoded::kUndecodable;
  switch (bytes[0]) {
    case 0xcc:
    case 0x8e:
      return AnyIp(bytes.subspan(1));
    case 0x80:
      return EtherType(LoadU16(bytes.data() + 4), bytes.subspan(6));
    default:
      return Decoded::kNothing;
  }
}

Decoded PacketDecoder::CiscoHdlc(Bytes bytes) {
  if (bytes.size() < 4) return Decoded::kUndecodable;
  return EtherType(LoadU16(bytes.data() + 2), bytes.subspan(4));
}

Decoded PacketDecoder::Nflog(Bytes bytes) {
  constexpr size_t kPayload = 9;
  constexpr size_t kUid = 11;
  bytes = After(bytes, 4);
  while (bytes.size() >= 4) {
    const size_t length = LittleU16(bytes, 0);
    const size_t type = LittleU16(bytes, 2);
    if (length < 4 || length > bytes.size()) break;
    const Bytes value = bytes.subspan(4, length - 4);
    if (type == kUid && value.size() >= 4) out_->uid = LoadU32(value.data());
    if (type == kPayload) return AnyIp(value);
    bytes = After(bytes, (length + 3) & ~size_t{3});
  }
  return Decoded::kUndecodable;
}

Decoded PacketDecoder::Wireless(Bytes bytes) {
  if (bytes.size() < 24) return Decoded::kUndecodable;
  const uint8_t type = bytes[0] >> 2 & 3;
  const uint8_t subtype = bytes[0] >> 4;
  const bool carries = type == 2 && (subtype & 4) == 0;
  const bool encrypted = (bytes[1] & 0x40) != 0;
  if (!carries || encrypted) return Decoded::kNothing;
  size_t header = 24;
  if ((bytes[1] & 3) == 3) header += 6;  // four addresses
  if ((subtype & 8) != 0) {
    header += 2;                              // QoS
    if ((bytes[1] & 0x80) != 0) header += 4;  // HT control
  }
  Bytes body = After(bytes, header);
  if (body.size() >= 10 && body[0] != 0xaa && body[2] == 0xaa) {
    body = body.subspan(2);  // header padded to four bytes
  }
  return Llc(body);
}

Decoded PacketDecoder::Pktap(Bytes bytes) {
  const size_t header = LittleU16(bytes, 0);
  if (bytes.size() < 12 || header < 12) return Decoded::kUndecodable;
  const size_t inner = LittleU16(bytes, 8);
  if (inner == kDltPktap || inner == kDltUser2) return Decoded::kUndecodable;
  return Link(static_cast<int>(inner), After(bytes, header));
}

Decoded PacketDecoder::Juniper(Bytes bytes, size_t link_type) {
  ByteReader reader(bytes);
  if (reader.U24() != 0x4d4743) return Decoded::kUndecodable;
  const uint8_t flags = reader.U8();
  if ((flags & 0x80) != 0) reader.Skip(reader.U16());
  if ((flags & 0x02) != 0) {  // no link header: protocol family, then IP
    reader.Skip(4);
    return reader.ok() ? AnyIp(reader.rest()) : Decoded::kUndecodable;
  }
  if (!reader.ok()) return Decoded::kUndecodable;
  if (link_type == kDltJuniperEther) return Ethernet(reader.rest());
  if (link_type == kDltJuniperPppoe) return Ethernet(reader.rest());
  if (link_type == kDltJuniperAtm1) reader.Skip(4);
  if (link_type == kDltJuniperAtm2) reader.Skip(8);
  if (link_type == kDltJuniperGgsn) reader.Skip(4);
  if (reader.left() > 0 && reader.Peek() == 0xaa) return Llc(reader.rest());
  return reader.ok() ? AnyIp(reader.rest()) : Decoded::kUndecodable;
}

}  // namespace schoolgate::agent
