// The names and numbers of docs/spool-format.md.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/event.pb.h"

namespace schoolgate::agent {

inline constexpr uint64_t kSegmentBytes = 4 << 20;
inline constexpr size_t kLanes = 3;
inline constexpr size_t kMaxPendingGaps = 6;
inline constexpr size_t kMaxToldGaps = 6;
inline constexpr char kSpareName[] = "1-spare";
inline constexpr char kStateName[] = "1-state";
inline constexpr char kFrontierName[] = "1-frontier";
inline constexpr char kToldName[] = "1-told";
inline constexpr std::string_view kStateMagic = "SGSTATE1";
inline constexpr std::string_view kFrontierMagic = "SGFRONT1";
inline constexpr std::string_view kToldMagic = "SGTOLD01";

// Lanes from the lowest to the highest.
inline constexpr std::array<v1::Lane, kLanes> kAllLanes = {
    v1::LANE_ROUTINE, v1::LANE_NORMAL, v1::LANE_URGENT};

inline size_t LaneIndex(v1::Lane lane) { return static_cast<size_t>(lane) - 1; }
inline uint64_t EpochOf(uint64_t run, v1::Lane lane) {
  return run << 2 | static_cast<uint64_t>(lane);
}
inline uint64_t RunOf(uint64_t epoch) { return epoch >> 2; }

// Names a segment; ordered as its lane's records are.
struct SegmentId {
  uint64_t epoch = 0;
  uint64_t first_sequence = 0;

  auto operator<=>(const SegmentId&) const = default;
  v1::Lane lane() const { return static_cast<v1::Lane>(epoch & 3); }
};

std::string SegmentName(SegmentId id);
// Nothing for every other name.
std::optional<SegmentId> ParseSegmentName(std::string_view name);

enum class GapReason : uint32_t {
  kDiskFull = 1,
  kQuota = 2,
  kCorruptSegment = 3,
  kStateLost = 4
};
std::string_view GapReasonName(GapReason reason);

struct PendingGap {
  uint64_t epoch = 0;
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t events = 0;
  v1::Lane lane = v1::LANE_ROUTINE;
  GapReason reason = GapReason::kQuota;
};

// Where a record is. Ordered as records of one lane are.
struct RecordPlace {
  uint64_t epoch = 0;
  uint64_t sequence = 0;

  auto operator<=>(const RecordPlace&) const = default;
};

// A gap that was told by the records at `first` to `last` of the urgent lane.
struct ToldGap {
  PendingGap gap;
  RecordPlace first, last;
};

// Content of the told file; at most kMaxToldGaps.
std::string EncodeToldGaps(const std::vector<ToldGap>& gaps);
std::optional<std::vector<ToldGap>> DecodeToldGaps(std::string_view content);

// Content of the state file.
struct SpoolState {
  struct LaneEnd {
    uint64_t epoch = 0;
    uint64_t sequence = 0;
    std::string chain = std::string(32, '\0');
  };
  uint64_t run = 0;
  std::array<LaneEnd, kLanes> lanes;
  uint64_t told_missing = 0;
  std::vector<PendingGap> gaps;  // at most kMaxPendingGaps
};

std::string EncodeState(const SpoolState& state);
std::optional<SpoolState> DecodeState(std::string_view content);

// Content of the frontier file.
struct LaneFrontier {
  SegmentId oldest_needed;
  uint64_t acked_epoch = 0;
  uint64_t acked_sequence = 0;
  uint64_t counted_epoch = 0;
  uint64_t counted_sequence = 0;

  bool operator==(const LaneFrontier&) const = default;
};

struct Losses {
  uint64_t missing = 0;  // records that should be there and are not
  uint64_t latest_epoch = 0;
  uint64_t latest_first = 0;
  uint64_t latest_last = 0;
  uint64_t torn = 0;  // unfinished writes at the end of segments

  bool operator==(const Losses&) const = default;
};

struct Frontier {
  std::array<LaneFrontier, kLanes> lanes;
  Losses losses;
  uint64_t acknowledged = 0;

  bool operator==(const Frontier&) const = default;
};

std::string EncodeFrontier(const Frontier& frontier);
std::optional<Frontier> DecodeFrontier(std::string_view content);

}  // namespace schoolgate::agent
