#include "agent/spool/lane_reader.h"

#include <algorithm>

namespace schoolgate::agent {
namespace {

// A disk that refuses a segment this often has lost it.
constexpr int kMaxFailures = 5;

}  // namespace

LaneReader::LaneReader(platform::Directory& directory, v1::Lane lane,
                       const LaneFrontier& start, Losses& losses)
    : directory_(directory),
      lane_(lane),
      losses_(losses),
      cursor_(start.oldest_needed),
      acked_(start) {}

void LaneReader::SetSegments(std::vector<SegmentId> segments, uint64_t run) {
  segments_ = std::move(segments);
  run_ = std::max(run_, run);
  std::erase_if(failures_, [this](const auto& failure) {
    return !std::binary_search(segments_.begin(), segments_.end(),
                               failure.first);
  });
}

bool LaneReader::Finished(SegmentId id) const {
  if (!segments_.empty() && segments_.back() > id) return true;
  return run_ > RunOf(id.epoch);
}

size_t LaneReader::segments_left() const {
  return static_cast<size_t>(
      segments_.end() -
      std::lower_bound(segments_.begin(), segments_.end(), place()));
}

bool LaneReader::Next(const BatchLimits& limits, SpoolBatch* batch) {
  *batch = SpoolBatch{};
  for (;;) {
    if (scanner_ == nullptr) {
      const Opening opening = OpenNextSegment();
      if (opening == Opening::kWait) return false;
      if (opening == Opening::kSkipped) continue;
    }
    ScannedRecord record;
    bool more = true;
    while (batch->records.size() < limits.records &&
           batch->bytes < limits.bytes) {
      if (!kept_record_.empty()) {
        const std::string kept = std::move(kept_record_);
        kept_record_.clear();
        Take({kept_sequence_, kept}, batch);
        continue;
      }
      more = scanner_->Next(&record);
      if (!more || !Take(record, batch)) break;
    }
    if (!batch->records.empty()) {
      in_flight_.push_back(
          {current_, batch->first_sequence, batch->last_sequence()});
      return true;
    }
    if (more) continue;
    if (scanner_->failed()) {
      if (GiveUp(current_) == Opening::kWait) return false;
      continue;
    }
    if (WasReplaced()) {
      cursor_ = current_;
      scanner_.reset();
      continue;
    }
    if (!Finished(current_)) return false;
    LeaveSegment();
  }
}

// Adds a record to the batch, unless it is known or does not follow.
bool LaneReader::Take(const ScannedRecord& record, SpoolBatch* batch) {
  if (record.sequence < expected_) return true;  // never twice
  if (!batch->records.empty() && record.sequence != expected_) {
    kept_record_ = record.bytes;
    kept_sequence_ = record.sequence;
    return false;
  }
  if (record.sequence > expected_) CountHole(expected_, record.sequence - 1);
  expected_ = record.sequence + 1;
  if (IsAcknowledged(record.sequence)) return true;
  if (batch->records.empty()) {
    batch->epoch = current_.epoch;
    batch->lane = lane_;
    batch->segment_header = scanner_->header_bytes();
    batch->first_sequence = record.sequence;
    batch->bytes = batch->segment_header.size();
  }
  batch->records.emplace_back(record.bytes);
  batch->bytes += record.bytes.size();
  return true;
}

bool LaneReader::IsAcknowledged(uint64_t sequence) const {
  return acked_.acked_epoch == current_.epoch &&
         sequence <= acked_.acked_sequence;
}

// Counts a hole once, however often it is read.
void LaneReader::CountHole(uint64_t first, uint64_t last) {
  if (acked_.counted_epoch == current_.epoch) {
    first = std::max(first, acked_.counted_sequence + 1);
  }
  if (acked_.acked_epoch == current_.epoch) {
    first = std::max(first, acked_.acked_sequence + 1);
  }
  if (first > last) return;
  losses_.missing += last - first + 1;
  losses_.latest_epoch = current_.epoch;
  losses_.latest_first = first;
  losses_.latest_last = last;
  acked_.counted_epoch = current_.epoch;
  acked_.counted_sequence = last;
}

LaneReader::Opening LaneReader::OpenNextSegment() {
  const auto next =
      std::lower_bound(segments_.begin(), segments_.end(), cursor_);
  if (next == segments_.end()) return Opening::kWait;
  const SegmentId id = *next;
  auto file = directory_.Open(SegmentName(id), platform::OpenMode::kRead);
  if (absl::IsNotFound(file.status())) {
    // Evicted, and told by the writer.
    cursor_ = {id.epoch, id.first_sequence + 1};
    return Opening::kSkipped;
  }
  if (!file.ok()) return GiveUp(id);
  auto scanner = std::make_unique<SegmentScanner>(*std::move(file));
  absl::Status header = scanner->ReadHeader(id);
  if (absl::IsUnavailable(header)) return GiveUp(id);
  if (!header.ok()) {
    if (!Finished(id)) return Opening::kWait;
    ++losses_.torn;
    cursor_ = {id.epoch, id.first_sequence + 1};
    return Opening::kSkipped;
  }
  scanner_ = std::move(scanner);
  current_ = id;
  expected_ = id.first_sequence;
  return Opening::kOpened;
}

LaneReader::Opening LaneReader::GiveUp(SegmentId id) {
  scanner_.reset();
  kept_record_.clear();
  if (++failures_[id] < kMaxFailures) {
    cursor_ = id;
    return Opening::kWait;
  }
  ++losses_.torn;
  cursor_ = {id.epoch, id.first_sequence + 1};
  return Opening::kSkipped;
}

// Where the writer's first record failed, it begins the segment anew: another
// file of the same name. Nothing was read from the old one then.
bool LaneReader::WasReplaced() const {
  if (expected_ != current_.first_sequence) return false;
  auto file = directory_.Open(SegmentName(current_), platform::OpenMode::kRead);
  if (!file.ok()) return false;
  SegmentScanner now(*std::move(file));
  return now.ReadHeader(current_).ok() &&
         now.header_bytes() != scanner_->header_bytes();
}

// The current segment is finished and read to its end.
void LaneReader::LeaveSegment() {
  if (scanner_->has_tail()) ++losses_.torn;
  const auto next =
      std::upper_bound(segments_.begin(), segments_.end(), current_);
  // Where the segment is still there and the next one follows in the same
  // epoch, nothing was evicted between: what is missing was lost here.
  if (next != segments_.end() && next->epoch == current_.epoch &&
      next != segments_.begin() && *std::prev(next) == current_ &&
      next->first_sequence > expected_) {
    CountHole(expected_, next->first_sequence - 1);
  }
  cursor_ = {current_.epoch, current_.first_sequence + 1};
  scanner_.reset();
}

uint64_t LaneReader::Acknowledge(uint64_t epoch, uint64_t sequence) {
  uint64_t settled = 0;
  // Acknowledgements of two epochs may come in any order.
  for (Flight& flight : in_flight_) {
    if (flight.segment.epoch != epoch || flight.first > sequence) continue;
    const uint64_t upto = std::min(flight.last, sequence);
    if (upto < flight.first) continue;  // settled before
    settled += upto - flight.first + 1;
    flight.first = upto + 1;
    flight.touched = true;
  }
  while (!in_flight_.empty() && in_flight_.front().touched) {
    const Flight& front = in_flight_.front();
    acked_.acked_epoch = front.segment.epoch;
    acked_.acked_sequence = front.first - 1;
    if (front.first <= front.last) break;
    in_flight_.pop_front();
  }
  return settled;
}

void LaneReader::Skip(uint64_t epoch, uint64_t sequence) {
  if (!in_flight_.empty() || epoch != place().epoch) return;
  if (acked_.acked_epoch == epoch && acked_.acked_sequence >= sequence) return;
  acked_.acked_epoch = epoch;
  acked_.acked_sequence = sequence;
}

void LaneReader::Rewind() {
  cursor_ = frontier().oldest_needed;
  in_flight_.clear();
  scanner_.reset();
  kept_record_.clear();
}

LaneFrontier LaneReader::frontier() const {
  LaneFrontier frontier = acked_;
  frontier.oldest_needed =
      in_flight_.empty() ? place() : in_flight_.front().segment;
  return frontier;
}

}  // namespace schoolgate::agent
