// What agent and schoolgate-dpi write into their rings. Both are of one build,
// but neither believes the other: a record is copied out first and checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "agent/capture/segment.h"
#include "agent/labels/ring.h"

namespace schoolgate::agent {

// Packets to the worker: 1 MB, some 10 ms of a busy gigabit link.
inline constexpr RingShape kPacketRing{.slots = 512, .slot_bytes = 2048};
// Labels back: more than a full packet ring can bring forth.
inline constexpr RingShape kLabelRing{.slots = 2048, .slot_bytes = 72};

// The rings, one behind the other.
inline size_t SharedBytes() { return kPacketRing.bytes() + kLabelRing.bytes(); }

enum class TapKind : uint8_t {
  kPacket = 1,
  kEnd = 2,   // the flow is over: say what is known of it
  kSync = 3,  // say what is known of all flows, then answer with kSynced
};

// Before the payload. `flow` of a kSync is its token.
struct TapRecord {
  uint64_t flow = 0;
  uint64_t frame = 0;
  int64_t time_us = 0;
  Address src{};
  Address dst{};
  uint16_t src_port = 0;
  uint16_t dst_port = 0;
  uint32_t tcp_seq = 0;
  uint32_t tcp_ack = 0;
  uint8_t tcp_flags = 0;
  uint8_t protocol = 0;
  TapKind kind = TapKind::kPacket;
  uint8_t unused[9] = {};  // no padding: its bytes would leave with the rest
};
static_assert(sizeof(TapRecord) == 80);

inline constexpr size_t kMostTapPayload =
    kPacketRing.slot_bytes - sizeof(uint32_t) - sizeof(TapRecord);

enum class AnswerKind : uint8_t {
  kLabel = 1,
  kNone = 2,    // nothing is known of the flow, nor will be
  kSynced = 3,  // `flow` is the token
};

// Why nDPI was not asked further.
enum class GivenUp : uint8_t {
  kNo = 0,
  kForAnother = 1,   // too many flows at once
  kAfterSoMany = 2,  // so many packets, and still undecided
};

// Each flow is answered once, unless the worker dies first.
struct LabelRecord {
  static constexpr size_t kMostLabel = 32;

  uint64_t flow = 0;
  uint64_t frame = 0;  // the packet that made it sure, and its time
  int64_t time_us = 0;
  AnswerKind kind = AnswerKind::kNone;
  uint8_t length = 0;
  char label[kMostLabel] = {};
  GivenUp given_up = GivenUp::kNo;
  uint8_t unused[5] = {};

  std::string_view text() const { return {label, length}; }
};
static_assert(sizeof(LabelRecord) == 64);
static_assert(sizeof(LabelRecord) + sizeof(uint32_t) <= kLabelRing.slot_bytes);

// Nothing for bytes that no honest side writes. Of a packet, the payload is
// what follows the TapRecord.
std::optional<TapRecord> ReadTapRecord(std::span<const std::byte> bytes);
std::optional<LabelRecord> ReadLabelRecord(std::span<const std::byte> bytes);

}  // namespace schoolgate::agent
