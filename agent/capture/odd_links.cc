// Link layers that few networks have: what carries IP over radio, in old or
// rare equipment, and what Wireshark writes itself.
#include <algorithm>

#include "agent/capture/layer_bytes.h"
#include "agent/capture/low_power.h"
#include "agent/capture/packet_decoder.h"

namespace schoolgate::agent {
namespace {

enum Dlt {
  kDltExperimentalEthernet = 2,
  kDltAx25 = 3,
  kDltSlipBsdOs = 15,
  kDltPppBsdOs = 16,
  kDltLinkSlipBsdOs = 102,  // LINKTYPE_SLIP_BSDOS
  kDltLinkPppBsdOs = 103,   // LINKTYPE_PPP_BSDOS
  kDltTzsp = 128,
  kDltJuniperMlppp = 130,
  kDltJuniperMlfr = 131,
  kDltJuniperEs = 132,
  kDltJuniperMfr = 134,
  kDltJuniperServices = 136,
  kDltJuniperMonitor = 164,
  kDltJuniperPppoeAtm = 168,
  kDltErfEthernet = 175,
  kDltErfPos = 176,
  kDltMultilinkFrameRelay = 182,
  kDltBluetooth = 187,
  kDltLowPower = 195,
  kDltBluetoothWithDirection = 201,
  kDltAx25Kiss = 202,
  kDltLowPowerWithPreamble = 215,
  kDltFibreChannel = 224,
  kDltFibreChannelDelimited = 225,
  kDltLowPowerBare = 230,
  kDltInfiniBand = 247,
  kDltExportedPdu = 252,
  kDltBluetoothMonitor = 254,
  kDltLowPowerTap = 283,
  kDltAlp = 289,
};

constexpr size_t kFrameCheck = 2;  // behind 802.15.4's frames

}  // namespace

Decoded PacketDecoder::OddLink(int link_type, Bytes bytes) {
  switch (link_type) {
    case kDltExperimentalEthernet:  // its own number for IPv4
      return bytes.size() > 4 && LoadU16(bytes.data() + 2) == 0x0201
                 ? AnyIp(bytes.subspan(4))
                 : Decoded::kNothing;
    case kDltSlipBsdOs:
    case kDltPppBsdOs:
    case kDltLinkSlipBsdOs:
    case kDltLinkPppBsdOs:
      return AnyIp(After(bytes, 24));
    case kDltTzsp:
      return Tzsp(bytes);
    case kDltErfEthernet:
    case kDltErfPos:
      return Erf(bytes);
    case kDltMultilinkFrameRelay:  // a whole frame in one fragment
      if (bytes.size() < 4 || (bytes[0] & 0xe0) != 0xc0) {
        return Decoded::kNothing;
      }
      return FrameRelay(bytes.subspan(2));
    case kDltFibreChannel:
      return FibreChannel(bytes);
    case kDltFibreChannelDelimited:
      return FibreChannel(After(bytes, 4));
    case kDltInfiniBand:
      return InfiniBand(bytes);
    case kDltAlp:
      return Alp(bytes);
    case kDltExportedPdu:
      return ExportedPdu(bytes);
    case kDltJuniperMlppp:
    case kDltJuniperMlfr:
    case kDltJuniperEs:
    case kDltJuniperMfr:
    case kDltJuniperServices:
    case kDltJuniperMonitor:
    case kDltJuniperPppoeAtm:
      return JuniperService(bytes);
    default:
      return RadioLink(link_type, bytes);
  }
}

Decoded PacketDecoder::RadioLink(int link_type, Bytes bytes) {
  switch (link_type) {
    case kDltAx25:
      return Ax25(bytes);
    case kDltAx25Kiss:
      return Ax25(After(bytes, 1));
    case kDltLowPower:
      if (bytes.size() < kFrameCheck) return Decoded::kUndecodable;
      return LowPower(bytes.first(bytes.size() - kFrameCheck));
    case kDltLowPowerWithPreamble:  // preamble, delimiter, length
      if (bytes.size() < 6 + kFrameCheck) return Decoded::kUndecodable;
      return LowPower(bytes.subspan(6, bytes.size() - 6 - kFrameCheck));
    case kDltLowPowerBare:
      return LowPower(bytes);
    case kDltLowPowerTap:
      return LowPowerTap(bytes);
    case kDltBluetoothWithDirection:
      bytes = After(bytes, 4);
      [[fallthrough]];
    case kDltBluetooth: {
      constexpr uint8_t kData = 2;
      if (bytes.empty()) return Decoded::kUndecodable;
      return bytes[0] == kData ? BluetoothData(bytes.subspan(1))
                               : Decoded::kNothing;
    }
    case kDltBluetoothMonitor: {
      constexpr uint16_t kSent = 4;
      constexpr uint16_t kReceived = 5;
      if (bytes.size() < 4) return Decoded::kUndecodable;
      const uint16_t what = LoadU16(bytes.data() + 2);
      return what == kSent || what == kReceived
                 ? BluetoothData(bytes.subspan(4))
                 : Decoded::kNothing;
    }
    default:
      return Decoded::kUndecodable;
  }
}

// Amateur radio: up to ten addresses, the last with a set low bit, what kind
// of frame it is, and which protocol is in it.
Decoded PacketDecoder::Ax25(Bytes bytes) {
  constexpr size_t kAddress = 7;
  constexpr size_t kMostAddresses = 10;
  constexpr uint8_t kIpv4 = 0xcc;
  for (size_t i = 1; i <= kMostAddresses; ++i) {
    const size_t end = i * kAddress;
    if (bytes.size() < end + 2) return Decoded::kUndecodable;
    if ((bytes[end - 1] & 1) == 0) continue;
    const uint8_t control = bytes[end];
    const bool has_data = (control & 1) == 0 || (control & 0xef) == 0x03;
    if (!has_data || bytes[end + 1] != kIpv4) return Decoded::kNothing;
    return AnyIp(bytes.subspan(end + 2));
  }
  return Decoded::kUndecodable;
}

// RFC 4338: a frame of IP's kind, with the networks' addresses when its header
// says so, and LLC.
Decoded PacketDecoder::FibreChannel(Bytes bytes) {
  constexpr uint8_t kIp = 5;
  constexpr uint8_t kHasNetworkHeader = 0x20;
  constexpr size_t kHeader = 24;
  if (bytes.size() < kHeader) return Decoded::kUndecodable;
  if (bytes[8] != kIp) return Decoded::kNothing;
  const bool network = (bytes[13] & kHasNetworkHeader) != 0;
  return Llc(After(bytes, kHeader + (network ? 16 : 0)));
}

// IP over InfiniBand (RFC 4391): datagrams to somebody's queue.
Decoded PacketDecoder::InfiniBand(Bytes bytes) {
  constexpr size_t kLocalHeader = 8;
  constexpr size_t kGlobalHeader = 40;
  constexpr size_t kTransportHeader = 12;
  constexpr size_t kDatagramHeader = 8;
  constexpr uint8_t kUnreliableDatagram = 0x64;
  if (bytes.size() < kLocalHeader) return Decoded::kUndecodable;
  const uint8_t next = bytes[1] & 3;
  if (next < 2) return Decoded::kNothing;  // no transport of its own
  bytes = After(bytes, kLocalHeader + (next == 3 ? kGlobalHeader : 0));
  if (bytes.size() < kTransportHeader + kDatagramHeader + 4) {
    return Decoded::kUndecodable;
  }
  if (bytes[0] != kUnreliableDatagram) return Decoded::kNothing;
  bytes = bytes.subspan(kTransportHeader + kDatagramHeader);
  return EtherType(LoadU16(bytes.data()), bytes.subspan(4));
}

// ATSC 3.0's link layer, A/330: whole packets, not concatenated.
Decoded PacketDecoder::Alp(Bytes bytes) {
  if (bytes.size() < 2) return Decoded::kUndecodable;
  const bool ipv4 = bytes[0] >> 5 == 0;
  const bool in_pieces = (bytes[0] & 0x10) != 0;
  const bool more_header = (bytes[0] & 0x08) != 0;
  if (!ipv4 || in_pieces) return Decoded::kNothing;
  size_t header = 2;
  if (more_header) {
    if (bytes.size() < 3) return Decoded::kUndecodable;
    header += 1 + ((bytes[2] & 0x02) != 0 ? 1 : 0);        // a stream's number
    if ((bytes[2] & 0x01) != 0) return Decoded::kNothing;  // extension
  }
  return AnyIp(After(bytes, header));
}

// What a card for services adds is in no document: a cookie of some length.
Decoded PacketDecoder::JuniperService(Bytes bytes) {
  constexpr size_t kMostCookie = 12;
  ByteReader reader(bytes);
  if (reader.U24() != 0x4d4743) return Decoded::kUndecodable;
  if ((reader.U8() & 0x80) != 0) reader.Skip(reader.U16());
  for (size_t cookie = 0; cookie <= kMostCookie; ++cookie) {
    const Bytes inner = After(reader.rest(), cookie);
    if (IsSurelyIp(inner)) return AnyIp(inner);
  }
  return Decoded::kNothing;
}

Decoded PacketDecoder::LowPowerTap(Bytes bytes) {
  constexpr size_t kHeader = 4;
  constexpr size_t kFrameCheckKind = 0;
  const size_t header = LittleU16(bytes, 2);
  if (header < kHeader || bytes.size() <= header || bytes[0] != 0) {
    return Decoded::kUndecodable;
  }
  size_t check = 0;
  Bytes fields = bytes.subspan(kHeader, header - kHeader);
  while (fields.size() >= 4) {
    const size_t length = LittleU16(fields, 2);
    if (LittleU16(fields, 0) == kFrameCheckKind && fields.size() > 4) {
      check = fields[4] == 1 ? 2 : fields[4] == 2 ? 4 : 0;
    }
    fields = After(fields, (4 + length + 3) & ~size_t{3});
  }
  bytes = bytes.subspan(header);
  if (bytes.size() < check) return Decoded::kUndecodable;
  return LowPower(bytes.first(bytes.size() - check));
}

// 802.15.4 with IPv6 in it.
Decoded PacketDecoder::LowPower(Bytes bytes) {
  constexpr uint8_t kProtocol = 253;  // a number of our own, for the pieces
  LowPowerFrame frame;
  LowPowerPiece piece;
  if (!ReadLowPowerFrame(bytes, &frame) || !ReadLowPowerPiece(&frame, &piece)) {
    return Decoded::kNothing;
  }
  expanded_in_use_ = true;
  if (piece.whole || piece.first) {
    if (!ExpandLowPower(frame, piece.bytes, &expanded_)) {
      return Decoded::kUndecodable;
    }
    if (piece.whole) return Ipv6(expanded_);
    frame.payload = expanded_;
  }
  Fragment fragment;
  std::copy(frame.src.begin(), frame.src.end(), fragment.src.begin() + 8);
  std::copy(frame.dst.begin(), frame.dst.end(), fragment.dst.begin() + 8);
  fragment.id = piece.tag;
  fragment.protocol = kProtocol;
  fragment.offset = piece.offset;
  if (piece.offset >= piece.bytes) return Decoded::kUndecodable;
  const size_t room = piece.bytes - piece.offset;
  fragment.bytes = frame.payload.first(std::min(room, frame.payload.size()));
  fragment.more = fragment.bytes.size() < room;
  const Bytes whole = fragments_.Add(fragment, time_us_);
  if (whole.empty()) return Decoded::kNothing;
  ++reassembled_;
  return Ipv6(whole);
}

// A piece of a connection's message: which connection, whether it is the
// message's first, how long it is.
Decoded PacketDecoder::BluetoothData(Bytes bytes) {
  constexpr uint16_t kFurther = 1;
  constexpr uint64_t kStream = uint64_t{1} << 63;
  constexpr size_t kMessageHeader = 4;
  if (bytes.size() < 4) return Decoded::kUndecodable;
  const size_t handle = LittleU16(bytes, 0);
  const size_t length = LittleU16(bytes, 2);
  bytes = bytes.subspan(4);
  if (bytes.size() < length) return Decoded::kUndecodable;
  bytes = bytes.first(length);
  const uint64_t stream = kStream | (handle & 0xfff);
  InOrder* message = nullptr;
  if ((handle >> 12 & 3) == kFurther) {
    message = GoingOn(stream);
    if (message == nullptr) return Decoded::kNothing;
  } else {
    if (bytes.size() < kMessageHeader) return Decoded::kNothing;
    const size_t all = kMessageHeader + LittleU16(bytes, 0);
    if (bytes.size() >= all) return L2cap(bytes.first(all));
    message = &BeginInOrder(stream);
    message->all = static_cast<uint32_t>(all);
  }
  const size_t room = message->all - message->have;
  const Bytes piece = bytes.first(std::min(bytes.size(), room));
  const Bytes whole = AddInOrder(*message, piece, piece.size() == room);
  return whole.empty() ? Decoded::kNothing : L2cap(whole);
}

// What a channel is for was agreed before, when nobody may have listened: an IP
// packet shows by itself.
Decoded PacketDecoder::L2cap(Bytes bytes) {
  constexpr size_t kFirstDynamic = 0x40;
  if (bytes.size() < 5 || LittleU16(bytes, 2) < kFirstDynamic) {
    return Decoded::kNothing;
  }
  return Bnep(bytes.subspan(4));
}

// Ethernet over Bluetooth, with the addresses left out that both ends know.
Decoded PacketDecoder::Bnep(Bytes bytes) {
  constexpr uint8_t kExtended = 0x80;
  constexpr size_t kNone = SIZE_MAX;
  constexpr size_t kAddresses[] = {12, kNone, 0, 6, 6};
  ByteReader reader(bytes);
  const uint8_t head = reader.U8();
  const size_t kind = head & 0x7f;
  if (kind >= std::size(kAddresses) || kAddresses[kind] == kNone) {
    return Decoded::kNothing;
  }
  reader.Skip(kAddresses[kind]);
  uint16_t type = reader.U16();
  for (bool more = (head & kExtended) != 0; more && reader.ok();) {
    more = (reader.U8() & kExtended) != 0;
    reader.Skip(reader.U8());
  }
  if (type == 0x8100) {
    reader.Skip(2);
    type = reader.U16();
  }
  if ((type != 0x0800 && type != 0x86dd) || !IsSurelyIp(reader.rest())) {
    return Decoded::kNothing;
  }
  return EtherType(type, reader.rest());
}

}  // namespace schoolgate::agent
