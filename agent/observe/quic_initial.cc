#include "agent/observe/quic_initial.h"

namespace schoolgate::agent {
namespace {

constexpr uint32_t kVersion1 = 1;
constexpr uint32_t kVersion2 = 0x6b3343cf;
constexpr uint32_t kVersion2Drafts = 0x709a50c4;
constexpr uint32_t kVersion2Early = 0xff020000;
constexpr uint32_t kGoogleQ050 = 0x51303530;

bool IsVersion2(uint32_t version) {
  return version == kVersion2 || version == kVersion2Drafts ||
         version == kVersion2Early;
}

bool KnownVersion(uint32_t version) {
  if (version == kVersion1 || IsVersion2(version)) return true;
  if (version == kGoogleQ050) return true;
  if (version >> 8 == 0xff0000) return (version & 0xff) >= 22;
  if ((version & 0x0f0f0f0f) == 0x0a0a0a0a) return true;  // forced negotiation
  return version >> 12 == 0xfaceb || version >> 8 == 0x543035;  // mvfst, T05x
}

// RFC 9000, 16. False at the end of the bytes.
bool Varint(ByteReader* reader, uint64_t* value) {
  const uint8_t first = reader->U8();
  *value = first & 0x3f;
  for (int i = (1 << (first >> 6)) - 1; i > 0; --i) {
    *value = *value << 8 | reader->U8();
  }
  return reader->ok();
}

QuicType TypeOf(uint8_t first, uint32_t version) {
  const uint8_t bits = first >> 4 & 3;
  return static_cast<QuicType>(IsVersion2(version) ? (bits + 3) & 3 : bits);
}

bool SkipAck(ByteReader* frames, bool with_ecn) {
  uint64_t value = 0;
  uint64_t ranges = 0;
  Varint(frames, &value);
  Varint(frames, &value);
  Varint(frames, &ranges);
  Varint(frames, &value);
  for (; ranges > 0 && frames->ok(); --ranges) {
    Varint(frames, &value);
    Varint(frames, &value);
  }
  for (int i = 0; with_ecn && i < 3; ++i) Varint(frames, &value);
  return frames->ok();
}

}  // namespace

bool LooksLikeQuic(Bytes datagram) {
  return datagram.size() >= 24 && (datagram[0] & 0x80) != 0 &&
         KnownVersion(LoadU32(datagram.data() + 1)) &&
         datagram[5] <= kMaxConnectionIdBytes;
}

bool MayBeGlued(Bytes datagrams) { return datagrams.size() >= 2 * 1200; }

Bytes FindInitial(Bytes datagrams) {
  constexpr size_t kLeast = 24;
  for (size_t at = 0; at + kLeast <= datagrams.size(); ++at) {
    const uint8_t* here = datagrams.data() + at;
    if ((here[0] & 0x80) == 0 || here[5] > kMaxConnectionIdBytes) continue;
    const uint32_t version = LoadU32(here + 1);
    if (version == kVersion1 || version == kVersion2 ||
        (version >> 8 == 0xff0000 && KnownVersion(version))) {
      return datagrams.subspan(at);
    }
  }
  return {};
}

bool ReadQuicPacket(Bytes datagram, QuicPacket* packet) {
  ByteReader reader(datagram);
  const uint8_t first = reader.U8();
  if ((first & 0x80) == 0) return false;
  packet->version = reader.U32();
  const size_t destination = reader.U8();
  packet->destination = reader.Take(destination);
  const size_t source = reader.U8();
  packet->source = reader.Take(source);
  if (!reader.ok() || destination > kMaxConnectionIdBytes ||
      source > kMaxConnectionIdBytes) {
    return false;
  }
  packet->bytes = datagram;
  if (packet->version == 0) {
    packet->type = QuicType::kVersionNegotiation;
    return true;
  }
  packet->type = TypeOf(first, packet->version);
  if (packet->type == QuicType::kRetry) return true;
  uint64_t length = 0;
  if (packet->type == QuicType::kInitial) {
    if (!Varint(&reader, &length) || length > reader.left()) return false;
    packet->has_token = length > 0;
    reader.Skip(length);  // token
  }
  if (!Varint(&reader, &length) || length > reader.left()) return false;
  packet->number_offset = datagram.size() - reader.left();
  packet->bytes = datagram.first(packet->number_offset + length);
  return true;
}

bool HasLongId(Bytes datagram) {
  constexpr uint8_t kLongAndFixed = 0xc0;
  ByteReader reader(datagram);
  if ((reader.U8() & kLongAndFixed) != kLongAndFixed) return false;
  if (!KnownVersion(reader.U32())) return false;
  const size_t destination = reader.U8();
  reader.Skip(destination);
  const size_t source = reader.U8();
  return reader.ok() && (destination > kMaxConnectionIdBytes ||
                         source > kMaxConnectionIdBytes);
}

Collected CollectCrypto(Bytes bytes, ByteAssembler* crypto) {
  constexpr uint64_t kPadding = 0;
  constexpr uint64_t kPing = 1;
  constexpr uint64_t kAck = 2;
  constexpr uint64_t kAckEcn = 3;
  constexpr uint64_t kCrypto = 6;
  constexpr uint64_t kGoogleCrypto = 8;  // no other version has it in Initials
  Collected collected = Collected::kTaken;
  ByteReader frames(bytes);
  while (frames.left() > 0) {
    uint64_t type = 0;
    if (!Varint(&frames, &type)) return Collected::kBroken;
    switch (type) {
      case kPadding:
      case kPing:
        break;
      case kAck:
      case kAckEcn:
        if (!SkipAck(&frames, type == kAckEcn)) return Collected::kBroken;
        break;
      case kCrypto:
      case kGoogleCrypto: {
        uint64_t offset = 0;
        uint64_t length = 0;
        if (!Varint(&frames, &offset) || !Varint(&frames, &length)) {
          return Collected::kBroken;
        }
        const Bytes piece = frames.Take(length);
        if (!frames.ok()) return Collected::kBroken;
        if (!crypto->Agrees(offset, piece)) collected = Collected::kOther;
        if (!crypto->Insert(offset, piece)) return Collected::kBroken;
        break;
      }
      default:
        return collected;  // CONNECTION_CLOSE: nothing of interest follows
    }
  }
  return collected;
}

}  // namespace schoolgate::agent
