#include "agent/spool/layout.h"

#include <cstdio>

#include "platform/check.h"
#include "proto/seal/little_endian.h"

namespace schoolgate::agent {
namespace {

constexpr std::string_view kLaneLetters = "rnu";
constexpr size_t kHexDigits = 16;

std::optional<uint64_t> ParseHex(std::string_view digits) {
  uint64_t value = 0;
  for (char c : digits) {
    uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint64_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

// Takes integers and bytes off the front of a slot's content, which is of
// fixed size; running past its end gives zeros.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : bytes_(bytes) {}

  template <typename Integer>
  Integer Take() {
    if (bytes_.size() - at_ < sizeof(Integer)) return 0;
    const auto value = seal::GetLittle<Integer>(bytes_, at_);
    at_ += sizeof(Integer);
    return value;
  }

  std::string TakeBytes(size_t count) {
    std::string bytes(bytes_.substr(at_, count));
    at_ += bytes.size();
    bytes.resize(count, '\0');
    return bytes;
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

void Put(std::string& out, uint64_t value) {
  seal::PutLittle<uint64_t>(out, value);
}

void PutGap(std::string& out, const PendingGap& gap) {
  Put(out, gap.epoch);
  Put(out, gap.first);
  Put(out, gap.last);
  Put(out, gap.events);
  seal::PutLittle<uint32_t>(out, static_cast<uint32_t>(gap.lane));
  seal::PutLittle<uint32_t>(out, static_cast<uint32_t>(gap.reason));
}

std::optional<PendingGap> TakeGap(FieldReader& in) {
  PendingGap gap;
  gap.epoch = in.Take<uint64_t>();
  gap.first = in.Take<uint64_t>();
  gap.last = in.Take<uint64_t>();
  gap.events = in.Take<uint64_t>();
  const auto lane = in.Take<uint32_t>();
  const auto reason = in.Take<uint32_t>();
  if (lane < 1 || lane > kLanes || reason < 1 || reason > 4) {
    return std::nullopt;
  }
  gap.lane = static_cast<v1::Lane>(lane);
  gap.reason = static_cast<GapReason>(reason);
  return gap;
}

}  // namespace

std::string SegmentName(SegmentId id) {
  char name[64];
  std::snprintf(name, sizeof name, "1-%c-%016llx-%016llx.seg",
                kLaneLetters[LaneIndex(id.lane())],
                static_cast<unsigned long long>(id.epoch),
                static_cast<unsigned long long>(id.first_sequence));
  return name;
}

std::optional<SegmentId> ParseSegmentName(std::string_view name) {
  if (name.size() != 2 + 2 + kHexDigits + 1 + kHexDigits + 4 ||
      !name.starts_with("1-") || !name.ends_with(".seg")) {
    return std::nullopt;
  }
  const auto epoch = ParseHex(name.substr(4, kHexDigits));
  const auto first = ParseHex(name.substr(5 + kHexDigits, kHexDigits));
  if (!epoch || !first || (*epoch & 3) == 0) return std::nullopt;
  const SegmentId id{*epoch, *first};
  if (SegmentName(id) != name) return std::nullopt;
  return id;
}

std::string_view GapReasonName(GapReason reason) {
  switch (reason) {
    case GapReason::kDiskFull:
      return "disk_full";
    case GapReason::kQuota:
      return "quota";
    case GapReason::kCorruptSegment:
      return "corrupt_segment";
    case GapReason::kStateLost:
      return "state_lost";
  }
  return "unknown";
}

std::string EncodeState(const SpoolState& state) {
  std::string out;
  Put(out, state.run);
  for (const auto& lane : state.lanes) {
    Put(out, lane.epoch);
    Put(out, lane.sequence);
    out += lane.chain;
  }
  Put(out, state.told_missing);
  SG_CHECK(state.gaps.size() <= kMaxPendingGaps);
  seal::PutLittle<uint32_t>(out, static_cast<uint32_t>(state.gaps.size()));
  for (const PendingGap& gap : state.gaps) PutGap(out, gap);
  return out;
}

std::optional<SpoolState> DecodeState(std::string_view content) {
  FieldReader in(content);
  SpoolState state;
  state.run = in.Take<uint64_t>();
  for (auto& lane : state.lanes) {
    lane.epoch = in.Take<uint64_t>();
    lane.sequence = in.Take<uint64_t>();
    lane.chain = in.TakeBytes(32);
  }
  state.told_missing = in.Take<uint64_t>();
  const auto count = in.Take<uint32_t>();
  if (count > kMaxPendingGaps) return std::nullopt;
  for (uint32_t i = 0; i < count; ++i) {
    const auto gap = TakeGap(in);
    if (!gap) return std::nullopt;
    state.gaps.push_back(*gap);
  }
  return state;
}

std::string EncodeToldGaps(const std::vector<ToldGap>& gaps) {
  SG_CHECK(gaps.size() <= kMaxToldGaps);
  std::string out;
  seal::PutLittle<uint32_t>(out, static_cast<uint32_t>(gaps.size()));
  for (const ToldGap& told : gaps) {
    PutGap(out, told.gap);
    Put(out, told.first.epoch);
    Put(out, told.first.sequence);
    Put(out, told.last.epoch);
    Put(out, told.last.sequence);
  }
  return out;
}

std::optional<std::vector<ToldGap>> DecodeToldGaps(std::string_view content) {
  FieldReader in(content);
  const auto count = in.Take<uint32_t>();
  if (count > kMaxToldGaps) return std::nullopt;
  std::vector<ToldGap> gaps;
  for (uint32_t i = 0; i < count; ++i) {
    const auto gap = TakeGap(in);
    if (!gap) return std::nullopt;
    ToldGap told{.gap = *gap, .first = {}, .last = {}};
    told.first.epoch = in.Take<uint64_t>();
    told.first.sequence = in.Take<uint64_t>();
    told.last.epoch = in.Take<uint64_t>();
    told.last.sequence = in.Take<uint64_t>();
    gaps.push_back(told);
  }
  return gaps;
}

std::string EncodeFrontier(const Frontier& frontier) {
  std::string out;
  for (const LaneFrontier& lane : frontier.lanes) {
    Put(out, lane.oldest_needed.epoch);
    Put(out, lane.oldest_needed.first_sequence);
    Put(out, lane.acked_epoch);
    Put(out, lane.acked_sequence);
    Put(out, lane.counted_epoch);
    Put(out, lane.counted_sequence);
  }
  Put(out, frontier.losses.missing);
  Put(out, frontier.losses.latest_epoch);
  Put(out, frontier.losses.latest_first);
  Put(out, frontier.losses.latest_last);
  Put(out, frontier.losses.torn);
  Put(out, frontier.acknowledged);
  return out;
}

std::optional<Frontier> DecodeFrontier(std::string_view content) {
  FieldReader in(content);
  Frontier frontier;
  for (LaneFrontier& lane : frontier.lanes) {
    lane.oldest_needed.epoch = in.Take<uint64_t>();
    lane.oldest_needed.first_sequence = in.Take<uint64_t>();
    lane.acked_epoch = in.Take<uint64_t>();
    lane.acked_sequence = in.Take<uint64_t>();
    lane.counted_epoch = in.Take<uint64_t>();
    lane.counted_sequence = in.Take<uint64_t>();
  }
  frontier.losses.missing = in.Take<uint64_t>();
  frontier.losses.latest_epoch = in.Take<uint64_t>();
  frontier.losses.latest_first = in.Take<uint64_t>();
  frontier.losses.latest_last = in.Take<uint64_t>();
  frontier.losses.torn = in.Take<uint64_t>();
  frontier.acknowledged = in.Take<uint64_t>();
  return frontier;
}

}  // namespace schoolgate::agent
