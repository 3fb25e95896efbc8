#include "agent/capture/low_power.h"

#include <algorithm>
#include <cstring>

namespace schoolgate::agent {
namespace {

constexpr size_t kIpv6Bytes = 40;
constexpr size_t kUdpBytes = 8;

uint16_t LittleU16(ByteReader* reader) {
  return __builtin_bswap16(reader->U16());
}

// How a radio's address is given: not at all, in two bytes or in eight.
enum AddressMode : uint8_t { kAbsent = 0, kShort = 2, kExtended = 3 };

// The wire has the last byte first.
void ReadAddress(ByteReader* reader, uint8_t mode, InterfaceId* id) {
  *id = {};
  if (mode == kShort) {
    const uint16_t address = LittleU16(reader);
    (*id)[3] = 0xff;
    (*id)[4] = 0xfe;
    (*id)[6] = static_cast<uint8_t>(address >> 8);
    (*id)[7] = static_cast<uint8_t>(address);
  } else if (mode == kExtended) {
    const Bytes address = reader->Take(id->size());
    std::reverse_copy(address.begin(), address.end(), id->begin());
    (*id)[0] ^= 2;
  }
}

// Which networks' numbers stand in a frame of the 2015 standard.
void Networks2015(uint8_t dst, uint8_t src, bool compressed, bool* of_dst,
                  bool* of_src) {
  *of_dst = *of_src = false;
  if (dst == kAbsent && src == kAbsent) {
    *of_dst = compressed;
  } else if (dst == kExtended && src == kExtended) {
    *of_dst = !compressed;
  } else if (dst != kAbsent && src != kAbsent) {
    *of_dst = true;
    *of_src = !compressed;
  } else {
    *of_dst = !compressed && dst != kAbsent;
    *of_src = !compressed && src != kAbsent;
  }
}

// Elements of the 2015 standard between the header and the payload.
bool SkipElements(ByteReader* reader) {
  constexpr uint16_t kPayloadElementsFollow = 0x7e;
  constexpr uint16_t kPayloadFollows = 0x7f;
  constexpr uint16_t kLastGroup = 0xf;
  for (;;) {
    if (reader->left() < 2) return reader->ok() && reader->left() == 0;
    const uint16_t element = LittleU16(reader);
    reader->Skip(element & 0x7f);
    const uint16_t id = element >> 7 & 0xff;
    if (id == kPayloadFollows) return reader->ok();
    if (id == kPayloadElementsFollow) break;
  }
  while (reader->left() >= 2) {
    const uint16_t element = LittleU16(reader);
    reader->Skip(element & 0x7ff);
    if ((element >> 11 & 0xf) == kLastGroup) break;
  }
  return reader->ok();
}

}  // namespace

bool ReadLowPowerFrame(Bytes bytes, LowPowerFrame* frame) {
  constexpr uint16_t kTypeMask = 7;
  constexpr uint16_t kData = 1;
  constexpr uint16_t kSecured = 0x0008;
  constexpr uint16_t kSameNetwork = 0x0040;
  constexpr uint16_t kNoNumber = 0x0100;
  constexpr uint16_t kElements = 0x0200;
  ByteReader reader(bytes);
  const uint16_t control = LittleU16(&reader);
  if ((control & kTypeMask) != kData || (control & kSecured) != 0) return false;
  const auto dst = static_cast<uint8_t>(control >> 10 & 3);
  const auto src = static_cast<uint8_t>(control >> 14);
  const bool recent = (control >> 12 & 3) == 2;
  const bool same = (control & kSameNetwork) != 0;
  bool of_dst = dst != kAbsent;
  bool of_src = src != kAbsent && !same;
  if (recent) Networks2015(dst, src, same, &of_dst, &of_src);
  if (!recent || (control & kNoNumber) == 0) reader.Skip(1);
  if (of_dst) reader.Skip(2);
  ReadAddress(&reader, dst, &frame->dst);
  if (of_src) reader.Skip(2);
  ReadAddress(&reader, src, &frame->src);
  if (recent && (control & kElements) != 0 && !SkipElements(&reader)) {
    return false;
  }
  frame->payload = reader.rest();
  return reader.ok() && reader.left() > 0;
}

namespace {

// RFC 4944, 5.2. The ends, whose bytes come in order here.
void ReadMeshEnd(ByteReader* reader, bool is_short, InterfaceId* id) {
  *id = {};
  const size_t bytes = is_short ? 2 : id->size();
  const Bytes address = reader->Take(bytes);
  if (address.size() != bytes) return;
  std::copy(address.begin(), address.end(), id->end() - bytes);
  if (is_short) {
    (*id)[3] = 0xff;
    (*id)[4] = 0xfe;
  } else {
    (*id)[0] ^= 2;
  }
}

}  // namespace

bool ReadLowPowerPiece(LowPowerFrame* frame, LowPowerPiece* piece) {
  constexpr uint8_t kMesh = 2;  // in the highest two bits
  constexpr uint8_t kBroadcast = 0x50;
  constexpr uint8_t kFirst = 0x18;  // in the highest five bits
  constexpr uint8_t kFurther = 0x1c;
  *piece = {};
  ByteReader reader(frame->payload);
  if (reader.Peek() >> 6 == kMesh) {
    const uint8_t head = reader.U8();
    if ((head & 0x0f) == 0x0f) reader.Skip(1);  // more hops than fit
    ReadMeshEnd(&reader, (head & 0x20) != 0, &frame->src);
    ReadMeshEnd(&reader, (head & 0x10) != 0, &frame->dst);
  }
  if (reader.Peek() == kBroadcast) reader.Skip(2);
  const uint8_t kind = reader.Peek() >> 3;
  if (kind == kFirst || kind == kFurther) {
    piece->whole = false;
    piece->first = kind == kFirst;
    piece->bytes = reader.U16() & 0x7ff;
    piece->tag = reader.U16();
    if (!piece->first) piece->offset = static_cast<uint16_t>(reader.U8() * 8);
  }
  frame->payload = reader.rest();
  return reader.ok() && reader.left() > 0;
}

namespace {

// One walk over a compressed header.
class Expansion {
 public:
  Expansion(const LowPowerFrame& frame, size_t datagram_bytes,
            std::vector<uint8_t>* packet)
      : frame_(frame),
        datagram_bytes_(datagram_bytes),
        packet_(*packet),
        reader_(frame.payload) {
    packet_.clear();
  }

  bool Run() {
    if (!Header()) return false;
    if (compressed_ && !FurtherHeaders()) return false;
    if (!reader_.ok()) return false;
    const Bytes rest = reader_.rest();
    packet_.insert(packet_.end(), rest.begin(), rest.end());
    const size_t whole = std::max(packet_.size(), datagram_bytes_);
    for (const size_t begin : ip_at_) {
      if (begin == kNowhere) break;
      SetU16(begin + 4, whole - begin - kIpv6Bytes);
    }
    if (udp_at_ != kNowhere) SetU16(udp_at_ + 4, whole - udp_at_);
    return true;
  }

 private:
  static constexpr size_t kNowhere = SIZE_MAX;

  void SetU16(size_t at, size_t value) {
    packet_[at] = static_cast<uint8_t>(value >> 8);
    packet_[at + 1] = static_cast<uint8_t>(value);
  }

  void Append(size_t count) {
    const Bytes bytes = reader_.Take(count);
    packet_.insert(packet_.end(), bytes.begin(), bytes.end());
  }

  // RFC 6282, 3.1: an IPv6 header, the next one's kind to be said later when it
  // is compressed as well.
  bool Header() {
    const uint8_t first = reader_.U8();
    const uint8_t second = reader_.U8();
    if (first >> 5 != 3 || ips_ == ip_at_.size()) return false;
    if ((second & 0x80) != 0) reader_.Skip(1);  // which prefixes: not known
    constexpr size_t kTraffic[] = {4, 3, 1, 0};
    reader_.Skip(kTraffic[first >> 3 & 3]);
    const size_t at = packet_.size();
    ip_at_[ips_++] = at;
    packet_.resize(at + kIpv6Bytes);
    packet_[at] = 0x60;
    compressed_ = (first & 0x04) != 0;
    if (!compressed_) packet_[at + 6] = reader_.U8();
    next_at_ = at + 6;
    packet_[at + 7] = (first & 3) == 0 ? reader_.U8() : 64;
    const bool stateful_src = (second & 0x40) != 0;
    const uint8_t src = second >> 4 & 3;
    if (!stateful_src || src != 0) {  // else: no address
      Address(at + 8, src, stateful_src, frame_.src);
    }
    const bool stateful = (second & 0x04) != 0;
    if ((second & 0x08) != 0) {
      Group(at + 24, second & 3, stateful);
    } else {
      Address(at + 24, second & 3, stateful, frame_.dst);
    }
    return reader_.ok();
  }

  void Copy(size_t at, size_t count) {
    const Bytes bytes = reader_.Take(count);
    std::copy(bytes.begin(), bytes.end(),
              packet_.begin() + static_cast<long>(at));
  }

  void Address(size_t at, uint8_t mode, bool stateful, const InterfaceId& own) {
    if (mode == 0) return Copy(at, 16);
    if (!stateful) SetU16(at, 0xfe80);
    if (mode == 1) {
      Copy(at + 8, 8);
    } else if (mode == 2) {
      packet_[at + 11] = 0xff;
      packet_[at + 12] = 0xfe;
      Copy(at + 14, 2);
    } else {
      std::copy(own.begin(), own.end(),
                packet_.begin() + static_cast<long>(at + 8));
    }
  }

  void Group(size_t at, uint8_t mode, bool stateful) {
    if (mode == 0 && !stateful) return Copy(at, 16);
    packet_[at] = 0xff;
    if (mode == 3) {
      packet_[at + 1] = 2;
      return Copy(at + 15, 1);
    }
    Copy(at + 1, 1);
    if (stateful) return Copy(at + 11, 5);  // RFC 3306's, without its prefix
    mode == 1 ? Copy(at + 11, 5) : Copy(at + 13, 3);
  }

  void SetNext(uint8_t next) { packet_[next_at_] = next; }

  // RFC 6282, 4.
  bool FurtherHeaders() {
    for (int i = 0; compressed_ && i < kMaxCompressedHeaders; ++i) {
      const uint8_t head = reader_.U8();
      if (!reader_.ok()) return false;
      if (head >> 3 == 0x1e) return Udp(head);
      if (head >> 4 != 0x0e) return false;
      constexpr uint8_t kKinds[] = {0, 43, 44, 60, 135, 0xff, 0xff, 41};
      const uint8_t kind = kKinds[head >> 1 & 7];
      if (kind == 0xff) return false;
      SetNext(kind);
      if (kind == 41) {
        if (!Header()) return false;
      } else {
        Extension((head & 1) != 0);
      }
    }
    return !compressed_;
  }

  void Extension(bool next_compressed) {
    const size_t at = packet_.size();
    packet_.resize(at + 2);
    next_at_ = at;
    compressed_ = next_compressed;
    if (!next_compressed) SetNext(reader_.U8());
    Append(reader_.U8());
    const size_t missing = (8 - (packet_.size() - at) % 8) % 8;
    if (missing == 1) packet_.push_back(0);
    if (missing > 1) {
      packet_.push_back(1);
      packet_.push_back(static_cast<uint8_t>(missing - 2));
      packet_.resize(packet_.size() + missing - 2);
    }
    packet_[at + 1] = static_cast<uint8_t>((packet_.size() - at) / 8 - 1);
  }

  bool Udp(uint8_t head) {
    SetNext(17);
    udp_at_ = packet_.size();
    packet_.resize(udp_at_ + kUdpBytes);
    const uint8_t ports = head & 3;
    uint16_t src = 0xf000;
    uint16_t dst = 0xf000;
    if (ports == 3) {
      const uint8_t both = reader_.U8();
      src = static_cast<uint16_t>(0xf0b0 | both >> 4);
      dst = static_cast<uint16_t>(0xf0b0 | (both & 15));
    } else {
      src = ports == 2 ? 0xf000 | reader_.U8() : reader_.U16();
      dst = ports == 1 ? 0xf000 | reader_.U8() : reader_.U16();
    }
    SetU16(udp_at_, src);
    SetU16(udp_at_ + 2, dst);
    if ((head & 4) == 0) Copy(udp_at_ + 6, 2);
    compressed_ = false;
    return reader_.ok();
  }

  const LowPowerFrame& frame_;
  const size_t datagram_bytes_;
  std::vector<uint8_t>& packet_;
  ByteReader reader_;
  std::array<size_t, 2> ip_at_ = {kNowhere, kNowhere};
  size_t ips_ = 0;
  size_t next_at_ = 0;  // where the kind of the next header belongs
  size_t udp_at_ = kNowhere;
  bool compressed_ = false;  // the next header is
};

}  // namespace

bool ExpandLowPower(const LowPowerFrame& frame, size_t datagram_bytes,
                    std::vector<uint8_t>* packet) {
  constexpr uint8_t kWhole = 0x41;
  if (!frame.payload.empty() && frame.payload[0] == kWhole) {
    packet->assign(frame.payload.begin() + 1, frame.payload.end());
    return true;
  }
  return Expansion(frame, datagram_bytes, packet).Run();
}

}  // namespace schoolgate::agent
