// How a SpoolWriter makes room and accounts for what it gave up.
#include <algorithm>

#include "agent/spool/segment_scanner.h"
#include "agent/spool/spool_writer.h"

namespace schoolgate::agent {

uint64_t SpoolWriter::TotalBytes() const {
  uint64_t total = spare_ready_ ? options_.segment_bytes : 0;
  for (const auto& [id, segment] : segments_) total += segment.bytes;
  return total;
}

bool SpoolWriter::IsLive(SegmentId id) const {
  const Lane& lane = lanes_[LaneIndex(id.lane())];
  return lane.file != nullptr && lane.id == id;
}

// The segment to give up for a record of `lane`: the lowest lane's oldest
// finished one, or its live one where that lane is lower than the record's.
std::optional<SegmentId> SpoolWriter::Victim(v1::Lane lane) const {
  for (v1::Lane lower : kAllLanes) {
    if (lower > lane) break;
    for (const auto& [id, segment] : segments_) {  // in map order oldest first
      if (id.lane() == lower && !IsLive(id)) return id;
    }
    const Lane& live = lanes_[LaneIndex(lower)];
    if (lower < lane && live.file != nullptr) return live.id;
  }
  return std::nullopt;
}

bool SpoolWriter::MakeRoom(v1::Lane lane, GapReason reason) {
  const size_t before = segments_.size();
  ReadFrontier();
  DeleteAcknowledged();
  if (segments_.size() < before) return true;
  const auto victim = Victim(lane);
  if (!victim) return false;
  Evict(*victim, reason);
  return segments_.size() < before;
}

uint64_t SpoolWriter::LastOf(SegmentId id) {
  Segment& segment = segments_[id];
  if (segment.last == 0) segment.last = LastSequence(directory_, id);
  return segment.last;
}

void SpoolWriter::Evict(SegmentId id, GapReason reason) {
  if (IsLive(id)) CloseSegment(id.lane());
  const LaneFrontier& done = frontier_.lanes[LaneIndex(id.lane())];
  uint64_t first = id.first_sequence;
  if (done.acked_epoch == id.epoch) {
    first = std::max(first, done.acked_sequence + 1);
  }
  const uint64_t last = LastOf(id);
  if (last >= first && !segments_[id].told) {
    segments_[id].told = true;
    const uint64_t events = last - first + 1;
    counters_.evicted += events;
    AddGap({id.epoch, first, last, events, id.lane(), reason});
    if (id.lane() == v1::LANE_URGENT) {
      // Among these are Gap records: what they said is to be told again.
      for (const PendingGap& gap :
           told_.TakeBack({id.epoch, first}, {id.epoch, last})) {
        AddGap(gap);
      }
    }
  }
  SpoolState::LaneEnd& end = state_.lanes[LaneIndex(id.lane())];
  if (end.epoch == id.epoch && end.sequence <= last) {
    end = {};  // given up by us: nobody is to miss it
    state_stale_ = true;
  }
  // Published before the unlink, so that no crash leaves it untold. A disk
  // that refuses even that keeps the segment; whoever wanted its room is
  // refused, and that is counted.
  if (state_stale_ && !WriteState().ok()) return;
  absl::Status removed = directory_.Remove(SegmentName(id));
  if (removed.ok() || absl::IsNotFound(removed)) segments_.erase(id);
  told_.Save();
}

// What a lane held at the end of its last segment is there, was acknowledged,
// or was given up and told. Else somebody took it away while nobody looked.
void SpoolWriter::MissEnds() {
  for (v1::Lane lane : kAllLanes) {
    SpoolState::LaneEnd& end = state_.lanes[LaneIndex(lane)];
    const LaneFrontier& done = frontier_.lanes[LaneIndex(lane)];
    if (end.epoch == 0 || done.acked_epoch > end.epoch ||
        done.oldest_needed.epoch > end.epoch) {
      continue;
    }
    uint64_t first = 1;
    if (done.acked_epoch == end.epoch) first = done.acked_sequence + 1;
    const auto after = segments_.upper_bound({end.epoch, end.sequence});
    if (after != segments_.begin() &&
        std::prev(after)->first.epoch == end.epoch) {
      first = std::max(first, LastOf(std::prev(after)->first) + 1);
    }
    if (first > end.sequence) continue;
    AddGap({end.epoch, first, end.sequence, end.sequence - first + 1, lane,
            GapReason::kCorruptSegment});
    end = {};
  }
}

void SpoolWriter::AddGap(PendingGap gap) {
  state_stale_ = true;
  for (PendingGap& known : state_.gaps) {
    const bool continues = known.epoch == gap.epoch && gap.epoch != 0 &&
                           known.last + 1 == gap.first &&
                           known.reason == gap.reason;
    const bool uncounted = known.epoch == 0 && gap.epoch == 0 &&
                           known.lane == gap.lane && known.reason == gap.reason;
    if (continues || uncounted) {
      known.last = gap.last;
      known.events += gap.events;
      return;
    }
  }
  if (state_.gaps.size() < kMaxPendingGaps) {
    state_.gaps.push_back(gap);
    return;
  }
  // More kinds of loss than slots: the count stays right, the range is given
  // up.
  PendingGap& merged = state_.gaps.back();
  merged.events += gap.events;
  merged.epoch = merged.first = merged.last = 0;
}

void SpoolWriter::TellGaps() {
  for (v1::Lane lane : kAllLanes) {
    uint64_t& refused = refused_untold_[LaneIndex(lane)];
    if (refused == 0) continue;
    AddGap({0, 0, 0, refused, lane, GapReason::kDiskFull});
    refused = 0;
  }
  bool told = false;
  for (size_t left = state_.gaps.size(); left > 0 && !state_.gaps.empty();
       --left) {
    const PendingGap gap = state_.gaps.front();
    v1::Event event;
    v1::Gap* words = event.mutable_gap();
    words->set_epoch(gap.epoch);
    words->set_first_sequence(gap.first);
    words->set_last_sequence(gap.last);
    words->set_events(gap.events);
    words->set_lane(gap.lane);
    words->set_reason(std::string(GapReasonName(gap.reason)));
    event.set_boot_id(options_.boot_id);
    event.set_boot_us(absl::ToInt64Microseconds(since_boot_));
    event.set_lane(v1::LANE_URGENT);
    // Telling may itself have to evict, which adds gaps at the back or grows
    // this one: then the front stays and is told anew.
    const uint64_t failures = counters_.sync_failures;
    const auto place = AppendOnce(event, v1::LANE_URGENT);
    if (!place.ok()) break;
    ++counters_.appended;
    // Told is what is durable: after a failed sync it is told once more.
    if (counters_.sync_failures > failures) break;
    told = true;
    told_.Add(gap, {place->epoch, place->sequence});
    if (state_.gaps.front().events == gap.events) {
      state_.gaps.erase(state_.gaps.begin());
    }
  }
  if (!told) return;
  // In this order: what is no longer pending must be known to be told.
  told_.Save();
  (void)WriteState();
}

void SpoolWriter::ReadFrontier() {
  if (frontier_file_ == nullptr) OpenFrontier();
  if (frontier_file_ == nullptr) return;
  const auto content = frontier_file_->Read();
  if (!content) return;
  const auto frontier = DecodeFrontier(*content);
  if (!frontier) return;
  frontier_ = *frontier;
  told_.Settle(frontier_.lanes[LaneIndex(v1::LANE_URGENT)]);
  const Losses& losses = frontier_.losses;
  if (losses.missing < state_.told_missing) {
    // A frontier that was lost and began anew.
    state_.told_missing = losses.missing;
    state_stale_ = true;
  }
  if (losses.missing > state_.told_missing) {
    PendingGap gap;
    gap.events = losses.missing - state_.told_missing;
    gap.reason = GapReason::kCorruptSegment;
    const uint64_t latest = losses.latest_last - losses.latest_first + 1;
    if (latest == gap.events && (losses.latest_epoch & 3) != 0) {
      gap.epoch = losses.latest_epoch;
      gap.first = losses.latest_first;
      gap.last = losses.latest_last;
      gap.lane = SegmentId{gap.epoch, 0}.lane();
    }
    state_.told_missing = losses.missing;
    AddGap(gap);
  }
}

void SpoolWriter::DeleteAcknowledged() {
  for (auto it = segments_.begin(); it != segments_.end();) {
    const SegmentId id = it->first;
    const LaneFrontier& done = frontier_.lanes[LaneIndex(id.lane())];
    if (id < done.oldest_needed && !IsLive(id)) {
      absl::Status removed = directory_.Remove(SegmentName(id));
      if (removed.ok() || absl::IsNotFound(removed)) {
        it = segments_.erase(it);
        continue;
      }
    }
    ++it;
  }
}

// Segments of earlier runs end where nobody wrote down; one a Tick is read,
// so that `waiting` becomes exact without slowing the start.
void SpoolWriter::LearnOneLast() {
  for (auto& [id, segment] : segments_) {
    if (segment.last != 0 || IsLive(id)) continue;
    segment.last = LastSequence(directory_, id);
    // Nothing whole in it: remember that it was read.
    if (segment.last == 0) segment.last = id.first_sequence - 1;
    if (segment.last != 0) return;
  }
}

void SpoolWriter::KeepSpare() {
  if (spare_ready_) return;
  auto file = directory_.Open(kSpareName, platform::OpenMode::kCreate);
  if (absl::IsAlreadyExists(file.status())) {
    file = directory_.Open(kSpareName, platform::OpenMode::kReadWrite);
  }
  if (!file.ok()) return;
  if ((*file)->Reserve(options_.segment_bytes).ok() && (*file)->Sync().ok()) {
    spare_ready_ = true;
  } else {
    file->reset();
    (void)directory_.Remove(kSpareName);
  }
}

SpoolCounters SpoolWriter::counters() const {
  SpoolCounters counters = counters_;
  counters.spool_bytes = 0;
  for (const auto& [id, segment] : segments_) {
    const LaneFrontier& done = frontier_.lanes[LaneIndex(id.lane())];
    counters.spool_bytes += segment.bytes;
    uint64_t first = id.first_sequence;
    if (done.acked_epoch == id.epoch) {
      first = std::max(first, done.acked_sequence + 1);
    }
    if (segment.last >= first) counters.waiting += segment.last - first + 1;
  }
  return counters;
}

}  // namespace schoolgate::agent
