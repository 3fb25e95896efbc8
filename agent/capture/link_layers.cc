// The link layers of PacketDecoder. Numbers are libpcap's DLT_* values, which
// differ from the files' LINKTYPE_* only where noted.
#include "agent/capture/layer_bytes.h"
#include "agent/capture/packet_decoder.h"

namespace schoolgate::agent {
namespace {

enum Dlt {
  kDltNull = 0,
  kDltEthernet = 1,
  kDltTokenRing = 6,
  kDltArcnet = 7,
  kDltSlip = 8,
  kDltPpp = 9,
  kDltFddi = 10,
  kDltAtmRfc1483 = 11,
  kDltRaw = 12,
  kDltRawOpenBsd = 14,
  kDltOldPflog = 17,
  kDltClip = 19,
  kDltPppSerial = 50,
  kDltPppEthernet = 51,
  kDltSymantec = 99,
  kDltLinkRaw = 101,   // LINKTYPE_RAW
  kDltLinkClip = 106,  // LINKTYPE_ATM_CLIP
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
  kDltJuniperPpp = 179,
  kDltJuniperFrameRelay = 180,
  kDltJuniperHdlc = 181,
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
  kDltNetAnalyzerRaw = 241,
  kDltIpOverInfiniband = 242,
  kDltPktap = 258,
  kDltEpon = 259,
  kDltPreemptible = 274,
  kDltLinuxCooked2 = 276,
  kDltTagBroadcom = 281,
  kDltTagInFront = 282,
  kDltTagMarvell = 284,
  kDltTagMarvellTyped = 285,
};

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
      return Cooked(LoadU16(bytes.data() + 2), LoadU16(bytes.data() + 14),
                    bytes.subspan(16));
    case kDltLinuxCooked2:
      if (bytes.size() < 20) return Decoded::kUndecodable;
      return Cooked(LoadU16(bytes.data() + 8), LoadU16(bytes.data()),
                    bytes.subspan(20));
    case kDltNflog:
      return Nflog(bytes);
    case kDltWireless:
      return Wireless(bytes);
    case kDltRadiotap:
      return Radiotap(bytes);
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
      return Atm(bytes);
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
      return Atm(After(bytes, 4));
    case kDltArcnet:
      if (bytes.size() < 4) return Decoded::kUndecodable;
      return AnyIp(After(bytes, bytes[2] == 0xf0 || bytes[2] == 0xf1 ? 3 : 6));
    case kDltArcnetLinux:
      if (bytes.size() < 6) return Decoded::kUndecodable;
      return AnyIp(After(bytes, bytes[4] == 0xf0 || bytes[4] == 0xf1 ? 5 : 8));
    case kDltIpOverInfiniband:
      if (bytes.size() < 44) return Decoded::kUndecodable;
      return EtherType(LoadU16(bytes.data() + 40), bytes.subspan(44));
    case kDltFirewire:
      if (bytes.size() < 18) return Decoded::kUndecodable;
      return EtherType(LoadU16(bytes.data() + 16), bytes.subspan(18));
    case kDltDocsis:
      if (bytes.size() < 6) return Decoded::kUndecodable;
      return Ethernet(After(bytes, 6 + ((bytes[0] & 1) != 0 ? bytes[1] : 0)));
    case kDltErf:
      return Erf(bytes);
    case kDltIpnet:
      return AnyIp(After(bytes, 24));
    case kDltOldPflog:
      return AnyIp(After(bytes, 28));
    case kDltClip:
    case kDltLinkClip:
      return Atm(bytes);
    case kDltSymantec:
      if (bytes.size() < 44) return Decoded::kUndecodable;
      return EtherType(LoadU16(bytes.data() + 6), bytes.subspan(44));
    case kDltPktap:
    case kDltUser2:
      return Pktap(bytes);
    case kDltJuniperEther:
    case kDltJuniperPpp:
    case kDltJuniperFrameRelay:
    case kDltJuniperHdlc:
    case kDltJuniperAtm1:
    case kDltJuniperAtm2:
    case kDltJuniperGgsn:
    case kDltJuniperPppoe:
      return Juniper(bytes, static_cast<size_t>(link_type));
    default:
      return LinkWithTag(link_type, bytes);
  }
}

// Ethernet behind, or around, what hardware puts there.
Decoded PacketDecoder::LinkWithTag(int link_type, Bytes bytes) {
  switch (link_type) {
    case kDltNetAnalyzer:
    case kDltTagInFront:
      return Ethernet(After(bytes, 4));
    case kDltNetAnalyzerRaw:
      return Ethernet(After(bytes, 12));
    case kDltPreemptible:
    case kDltEpon:
      return Ethernet(After(bytes, 8));
    case kDltTagBroadcom:
    case kDltTagMarvell:
      if (bytes.size() < 18) return Decoded::kUndecodable;
      return EtherType(LoadU16(bytes.data() + 16), bytes.subspan(18));
    case kDltTagMarvellTyped:
      return Ethernet(bytes);
    default:
      return OddLink(link_type, bytes);
  }
}

// Linux says what kind of device it was: for some the type is not Ethernet's.
Decoded PacketDecoder::Cooked(uint16_t hardware, uint16_t type, Bytes bytes) {
  constexpr uint16_t kFrameRelay = 770;
  constexpr uint16_t kWireless = 801;
  constexpr uint16_t kRadiotap = 803;
  constexpr uint16_t kLowPower = 804;
  constexpr uint16_t kWholeFrame = 3;
  constexpr uint16_t kPppFrame = 7;
  switch (hardware) {
    case kFrameRelay:
      return FrameRelay(bytes);
    case kWireless:
      return Wireless(bytes);
    case kRadiotap:
      return Radiotap(bytes);
    case kLowPower:
      return LowPower(bytes);
    default:
      break;
  }
  switch (type) {
    case kWholeFrame:
      return Ethernet(bytes);
    case kPppFrame:
      return Ppp(bytes);
    default:
      return EtherType(type, bytes);
  }
}

// With LLC in front, or without: then what a circuit carries is not said.
Decoded PacketDecoder::Atm(Bytes bytes) {
  if (bytes.size() < 3) return Decoded::kUndecodable;
  if (bytes[0] >> 4 == 4 || bytes[0] >> 4 == 6) return AnyIp(bytes);
  if (bytes[0] == 0 && bytes[1] == 0x21) return AnyIp(bytes.subspan(2));
  if (LooksLikeIpFrame(After(bytes, 2))) return Ethernet(bytes.subspan(2));
  return Llc(bytes);
}

// Endace's extensible record format.
Decoded PacketDecoder::Erf(Bytes bytes) {
  constexpr size_t kRecordHeader = 16;
  constexpr uint8_t kMore = 0x80;
  if (bytes.size() < kRecordHeader) return Decoded::kUndecodable;
  const uint8_t type = bytes[8] & ~kMore;
  bool more = (bytes[8] & kMore) != 0;
  bytes = bytes.subspan(kRecordHeader);
  while (more) {
    if (bytes.size() < 8) return Decoded::kUndecodable;
    more = (bytes[0] & kMore) != 0;
    bytes = bytes.subspan(8);
  }
  switch (type) {
    case 1:  // PPP or Cisco's HDLC, in several colours
    case 10:
    case 15:
    case 19:
      return Ppp(bytes);
    case 2:  // Ethernet
    case 11:
    case 16:
    case 20:
      return Ethernet(After(bytes, 2));
    case 22:
    case 23:
      return AnyIp(bytes);
    case 4:  // AAL5
      return Atm(After(bytes, 4));
    default:
      return Decoded::kNothing;
  }
}

Decoded PacketDecoder::Ppp(Bytes bytes) {
  if (++depth_ > kMaxDepth) return Decoded::kUndecodable;
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
    case 0x0800:  // as Ethernet has them
    case 0x86dd:
      return AnyIp(bytes);
    case 0x002f:  // TCP, with a number in the place of its own (RFC 1144)
      return Ipv4With(kProtocolTcp, bytes);
    case 0x0031:  // bridging: flags, kind of the frame
      return Ethernet(After(bytes, 2));
    case 0x003d:
      return PppMultilink(bytes);
    case 0x0281:
    case 0x0283:
      return Mpls(bytes);
    default:
      return Decoded::kNothing;
  }
}

// A whole packet in one fragment; which of the two headers is used was agreed
// when the link came up.
Decoded PacketDecoder::PppMultilink(Bytes bytes) {
  constexpr uint8_t kWhole = 0xc0;
  if (bytes.size() < 6 || (bytes[0] & kWhole) != kWhole) {
    return Decoded::kNothing;
  }
  const Decoded inner = Ppp(bytes.subspan(4));
  return inner == Decoded::kSegment ? inner : Ppp(bytes.subspan(2));
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
    case 0xcf:
      return Ppp(bytes.subspan(1));
    case 0x80:
      if (LoadU32(bytes.data()) == 0x800080c2) {  // bridged
        return Ethernet(bytes.subspan(6));
      }
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
  if (link_type == kDltJuniperPpp) return Ppp(reader.rest());
  if (link_type == kDltJuniperFrameRelay) return FrameRelay(reader.rest());
  if (link_type == kDltJuniperHdlc) return CiscoHdlc(reader.rest());
  if (link_type == kDltJuniperAtm1) reader.Skip(4);
  if (link_type == kDltJuniperAtm2) reader.Skip(8);
  if (link_type == kDltJuniperGgsn) reader.Skip(4);
  if (reader.left() > 0 && reader.Peek() == 0xaa) return Llc(reader.rest());
  return reader.ok() ? AnyIp(reader.rest()) : Decoded::kUndecodable;
}

}  // namespace schoolgate::agent
