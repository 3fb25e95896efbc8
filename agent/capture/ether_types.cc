// What follows an EtherType, LLC or MPLS: PacketDecoder's middle.
#include "agent/capture/layer_bytes.h"
#include "agent/capture/packet_decoder.h"

namespace schoolgate::agent {

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
      return Ppp(After(bytes, 6));
    case 0x880b:
      return Ppp(bytes);
    case 0x6558:  // transparent Ethernet bridging
      return Ethernet(bytes);
    case 0x0004:  // SLL's 802.2
    case 0x0001:
    case 0x8870:  // longer than LLC's length can say
      return Llc(bytes);
    case 0x894f:
      return Nsh(bytes);
    default:
      return type <= 1500 ? Llc(bytes) : RareEtherType(type, bytes);
  }
}

Decoded PacketDecoder::RareEtherType(uint16_t type, Bytes bytes) {
  switch (type) {
    case 0x8903:  // FabricPath
      return Ethernet(After(bytes, 2));
    case 0x22f3:  // TRILL
      if (bytes.size() < 6) return Decoded::kUndecodable;
      return Ethernet(
          After(bytes, 6 + ((bytes[0] & 7) << 2 | bytes[1] >> 6) * size_t{4}));
    case 0x8909:  // Cisco's metadata, and Marvell's tag: then the type
    case 0xdada:
      if (bytes.size() < 8) return Decoded::kUndecodable;
      return EtherType(LoadU16(bytes.data() + 6), bytes.subspan(8));
    case 0xf1c1:  // redundancy tag: reserved, number, then the type
      if (bytes.size() < 6) return Decoded::kUndecodable;
      return EtherType(LoadU16(bytes.data() + 4), bytes.subspan(6));
    case 0x2452:  // what Centrino's cards hand up
      return Wireless(bytes);
    case 0x88bb:
    case 0xbbbb:
      return Lwapp(bytes);
    case 0x88e5:
      return MacSec(bytes);
    case 0x4305:
      return Batman(bytes);
    default:
      return Decoded::kNothing;
  }
}

// MACsec that protects and does not encrypt.
Decoded PacketDecoder::MacSec(Bytes bytes) {
  constexpr uint8_t kChanged = 0x0c;
  constexpr uint8_t kChannelId = 0x20;
  if (bytes.size() < 16) return Decoded::kUndecodable;
  if ((bytes[0] & kChanged) != 0) return Decoded::kNothing;
  const size_t header = (bytes[0] & kChannelId) != 0 ? 14 : 6;
  return EtherType(LoadU16(bytes.data() + header), bytes.subspan(header + 2));
}

// B.A.T.M.A.N. of the kernel: frames on their way through a mesh.
Decoded PacketDecoder::Batman(Bytes bytes) {
  constexpr uint8_t kVersion = 15;
  if (bytes.size() < 2 || bytes[1] != kVersion) return Decoded::kNothing;
  switch (bytes[0]) {
    case 0x01:  // to everybody
      return Ethernet(After(bytes, 14));
    case 0x40:  // to one
      return Ethernet(After(bytes, 10));
    case 0x42:
      return Ethernet(After(bytes, 18));
    default:
      return Decoded::kNothing;
  }
}

Decoded PacketDecoder::Nsh(Bytes bytes) {
  constexpr uint8_t kEthernet = 3;
  constexpr uint8_t kMpls = 5;
  if (bytes.size() < 8) return Decoded::kUndecodable;
  const Bytes inner = After(bytes, (bytes[1] & 0x3f) * size_t{4});
  if (bytes[3] == kEthernet) return Ethernet(inner);
  return bytes[3] == kMpls ? Mpls(inner) : AnyIp(inner);
}

Decoded PacketDecoder::Llc(Bytes bytes) {
  if (bytes.size() < 3) return Decoded::kUndecodable;
  if (bytes[0] == 0xaa && bytes[1] == 0xaa) {
    if (bytes.size() < 8) return Decoded::kUndecodable;
    const uint32_t owner = LoadU32(bytes.data() + 2);
    if (owner == 0x030080c2) {  // bridged, and padded
      return Ethernet(After(bytes, 10));
    }
    // Cisco's inter-switch link: the frame's own header ends with this.
    if (owner == 0x0300000c && LooksLikeIpFrame(After(bytes, 12))) {
      return Ethernet(After(bytes, 12));
    }
    return EtherType(LoadU16(bytes.data() + 6), bytes.subspan(8));
  }
  if (bytes[0] == 0x06 && bytes[1] == 0x06) return AnyIp(bytes.subspan(3));
  if (bytes[0] == 0xfe && bytes[1] == 0xfe && bytes.size() > 4) {
    if (bytes[3] == 0xcc) return AnyIp(bytes.subspan(4));  // NLPID
    if (bytes[3] == 0xcf) return Ppp(bytes.subspan(4));
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
    // A wire; its control word may be missing, and many addresses begin with 0.
    const bool word = nibble == 0 && (!LooksLikeIpFrame(bytes) ||
                                      LooksLikeIpFrame(After(bytes, 4)));
    return Ethernet(word ? After(bytes, 4) : bytes);
  }
  return Decoded::kUndecodable;
}

}  // namespace schoolgate::agent
