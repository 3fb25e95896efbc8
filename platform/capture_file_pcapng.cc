#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/capture_file.h"

namespace schoolgate::platform {
namespace {

constexpr uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr uint32_t kInterface = 1;
constexpr uint32_t kObsoletePacket = 2;
constexpr uint32_t kSimplePacket = 3;
constexpr uint32_t kEnhancedPacket = 6;
constexpr uint32_t kMinBlockBytes = 12;

constexpr uint16_t kOptionEnd = 0;
constexpr uint16_t kOptionFlags = 2;        // of an enhanced packet
constexpr uint16_t kOptionResolution = 9;   // of an interface
constexpr uint16_t kOptionTimeOffset = 14;  // of an interface

struct Interface {
  int link_type = 0;
  uint32_t snap_bytes = 0;
  uint64_t ticks_per_second = 1'000'000;
  int64_t offset_seconds = 0;
};

class PcapngReader : public PacketSource {
 public:
  PcapngReader(const std::string& path, ByteWindow window)
      : path_(path), window_(std::move(window)) {}

  NextResult Next(absl::Duration, Packet* packet) override {
    while (!ended_) {
      window_.Skip(pending_);
      pending_ = 0;
      auto bytes = window_.Peek(kMinBlockBytes);
      if (bytes.empty()) return End("");
      if (bytes.size() < kMinBlockBytes) return End("ends inside a block");
      const uint32_t type = U32(bytes, 0);
      if (type == kSectionHeader && !ReadByteOrder(bytes)) {
        return End("bad byte order in a section header");
      }
      const uint32_t length = U32(bytes, 4);
      if (length < kMinBlockBytes || length > kMaxBlockBytes ||
          length % 4 != 0) {
        return End("bad block length");
      }
      bytes = window_.Peek(length);
      if (bytes.size() < length) return End("ends inside a block");
      pending_ = length;
      if (ReadBlock(type, bytes.subspan(8, length - 12), packet)) {
        return NextResult::kPacket;
      }
    }
    return NextResult::kEnd;
  }

  absl::Status status() const override { return status_; }
  uint64_t dropped() const override { return 0; }
  std::string_view way() const override { return "file"; }

 private:
  using Block = std::span<const uint8_t>;

  uint32_t U32(Block from, size_t at) const {
    uint32_t value = uint32_t{from[at]} | uint32_t{from[at + 1]} << 8 |
                     uint32_t{from[at + 2]} << 16 |
                     uint32_t{from[at + 3]} << 24;
    return big_ ? __builtin_bswap32(value) : value;
  }

  uint16_t U16(Block from, size_t at) const {
    return static_cast<uint16_t>(big_ ? from[at] << 8 | from[at + 1]
                                      : from[at + 1] << 8 | from[at]);
  }

  bool ReadByteOrder(Block block) {
    big_ = false;
    if (U32(block, 8) == kByteOrderMagic) return true;
    big_ = true;
    return U32(block, 8) == kByteOrderMagic;
  }

  NextResult End(std::string_view why) {
    ended_ = true;
    status_ = window_.status();
    if (status_.ok() && !why.empty()) {
      status_ = absl::DataLossError(
          absl::StrCat(path_, ": ", std::string(why), " after packet ", frame_,
                       ": what came before was read; get a sound copy"));
    }
    return NextResult::kEnd;
  }

  // True when the block is a packet.
  bool ReadBlock(uint32_t type, Block body, Packet* packet) {
    switch (type) {
      case kSectionHeader:
        interfaces_.clear();
        return false;
      case kInterface:
        AddInterface(body);
        return false;
      case kEnhancedPacket:
        return ReadPacket(body, /*narrow_id=*/false, packet);
      case kObsoletePacket:
        return ReadPacket(body, /*narrow_id=*/true, packet);
      case kSimplePacket:
        return ReadSimplePacket(body, packet);
      default:
        return false;
    }
  }

  void AddInterface(Block body) {
    if (body.size() < 8 || interfaces_.size() >= kMaxInterfaces) {
      End("bad or too many interface blocks");
      return;
    }
    Interface fresh;
    fresh.link_type = LinkTypeToDlt(U16(body, 0));
    fresh.snap_bytes = U32(body, 4);
    for (size_t at = 8; at + 4 <= body.size();) {
      const uint16_t code = U16(body, at);
      const size_t length = U16(body, at + 2);
      if (code == kOptionEnd || length > body.size() - at - 4) break;
      if (code == kOptionResolution && length >= 1) {
        fresh.ticks_per_second = Resolution(body[at + 4]);
      }
      if (code == kOptionTimeOffset && length >= 8) {
        const uint64_t one = U32(body, at + 4);
        const uint64_t two = U32(body, at + 8);
        fresh.offset_seconds =
            static_cast<int64_t>(big_ ? one << 32 | two : two << 32 | one);
      }
      at += 4 + ((length + 3) & ~size_t{3});
    }
    interfaces_.push_back(fresh);
  }

  static uint64_t Resolution(uint8_t code) {
    const int exponent = code & 0x7f;
    uint64_t ticks = 1;
    if ((code & 0x80) != 0) return exponent < 63 ? ticks << exponent : 1;
    for (int i = 0; i < exponent && i < 18; ++i) ticks *= 10;
    return ticks;
  }

  int64_t TimeUs(const Interface& interface, uint64_t ticks) const {
    return static_cast<int64_t>(
        Microseconds(ticks, interface.ticks_per_second) +
        static_cast<uint64_t>(interface.offset_seconds) * 1'000'000);
  }

  // The two usual resolutions do without a division of 128 bits.
  static uint64_t Microseconds(uint64_t ticks, uint64_t per_second) {
    if (per_second == 1'000'000) return ticks;
    if (per_second == 1'000'000'000) return ticks / 1000;
    return static_cast<uint64_t>(static_cast<unsigned __int128>(ticks) *
                                 1'000'000 / per_second);
  }

  bool ReadPacket(Block body, bool narrow_id, Packet* packet) {
    if (body.size() < 20) return Bad();
    const uint32_t id = narrow_id ? U16(body, 0) : U32(body, 0);
    const uint32_t captured = U32(body, 12);
    if (id >= interfaces_.size() || captured > body.size() - 20) return Bad();
    const Interface& interface = interfaces_[id];
    packet->time_us =
        TimeUs(interface, uint64_t{U32(body, 4)} << 32 | U32(body, 8));
    last_us_ = packet->time_us;
    packet->direction = DirectionOf(body, 20 + ((captured + 3) & ~3u));
    return Fill(interface, body.subspan(20, captured), U32(body, 16), packet);
  }

  bool ReadSimplePacket(Block body, Packet* packet) {
    if (body.size() < 4 || interfaces_.empty()) return Bad();
    const Interface& interface = interfaces_[0];
    const uint32_t wire = U32(body, 0);
    size_t captured = std::min<size_t>(wire, body.size() - 4);
    if (interface.snap_bytes > 0) {
      captured = std::min<size_t>(captured, interface.snap_bytes);
    }
    packet->time_us = last_us_;  // the block has no time of its own
    packet->direction = Direction::kUnknown;
    return Fill(interface, body.subspan(4, captured), wire, packet);
  }

  bool Fill(const Interface& interface, Block bytes, uint32_t wire,
            Packet* packet) {
    packet->frame = ++frame_;
    packet->bytes = bytes;
    packet->wire_bytes = wire;
    packet->link_type = interface.link_type;
    packet->uid = kNoUid;
    return true;
  }

  Direction DirectionOf(Block body, size_t at) const {
    while (at + 4 <= body.size()) {
      const uint16_t code = U16(body, at);
      const size_t length = U16(body, at + 2);
      if (code == kOptionEnd || length > body.size() - at - 4) break;
      if (code == kOptionFlags && length >= 4) {
        const uint32_t way = U32(body, at + 4) & 3;
        if (way == 1) return Direction::kIn;
        if (way == 2) return Direction::kOut;
        break;
      }
      at += 4 + ((length + 3) & ~size_t{3});
    }
    return Direction::kUnknown;
  }

  bool Bad() {
    End("corrupt packet block");
    return false;
  }

  std::string path_;
  ByteWindow window_;
  bool big_ = false;
  bool ended_ = false;
  size_t pending_ = 0;
  uint64_t frame_ = 0;
  int64_t last_us_ = 0;
  std::vector<Interface> interfaces_;
  absl::Status status_;
};

}  // namespace

std::unique_ptr<PacketSource> MakePcapngReader(const std::string& path,
                                               ByteWindow window) {
  return std::make_unique<PcapngReader>(path, std::move(window));
}

}  // namespace schoolgate::platform
