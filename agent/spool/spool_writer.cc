#include "agent/spool/spool_writer.h"

#include <algorithm>

#include "agent/spool/segment_scanner.h"
#include "platform/check.h"
#include "proto/seal/little_endian.h"
#include "proto/seal/record.h"

namespace schoolgate::agent {
namespace {

constexpr int kAppendTries = 3;
constexpr uint64_t kLeastSegments = 8;
constexpr uint64_t kMinutesLimit = 1ull << 28;

// A run's number that no earlier life of this device can have used.
uint64_t FreshRun(absl::Time now) {
  const int64_t minutes = std::max<int64_t>(0, absl::ToUnixSeconds(now) / 60);
  const uint64_t random =
      seal::GetLittle<uint32_t>(seal::RandomBytes(4), 0) & 0x3fffff;
  return (static_cast<uint64_t>(minutes) % kMinutesLimit) << 22 | random;
}

SpoolOptions WithLimits(SpoolOptions options) {
  options.segment_bytes = std::clamp<uint64_t>(
      options.segment_bytes, 2 * seal::kSegmentHeaderBytes, kSegmentBytes);
  options.quota_bytes =
      std::max(options.quota_bytes, kLeastSegments * options.segment_bytes);
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SpoolWriter>> SpoolWriter::Start(
    platform::Directory& directory, SpoolOptions options,
    const seal::SigningKey& device_key, absl::Time now) {
  seal::SegmentHeader probe;
  probe.device = options.device;
  auto sealer =
      seal::SegmentSealer::Make(probe, options.collector_key, device_key);
  if (!sealer.ok()) return sealer.status();
  std::unique_ptr<SpoolWriter> writer(
      new SpoolWriter(directory, WithLimits(std::move(options)), device_key));
  writer->Recover(now);
  return writer;
}

SpoolWriter::SpoolWriter(platform::Directory& directory, SpoolOptions options,
                         const seal::SigningKey& device_key)
    : directory_(directory),
      options_(std::move(options)),
      device_key_(device_key),
      told_(directory) {}

SpoolWriter::~SpoolWriter() {
  (void)Sync();
  for (v1::Lane lane : kAllLanes) CloseSegment(lane);
  (void)WriteState();
}

void SpoolWriter::Recover(absl::Time now) {
  LoadSegments();
  const bool state_known = LoadState();
  uint64_t highest = state_.run;
  for (const auto& [id, segment] : segments_) {
    highest = std::max(highest, RunOf(id.epoch));
  }
  const bool lost = !state_known && (options_.was_used || !segments_.empty());
  state_.run = highest + 1;
  if (!state_known) state_.run = std::max(state_.run, FreshRun(now));
  // A number that could not be written down may be forgotten and given again:
  // then it has to be one that nobody gives twice.
  if (!WriteState().ok()) state_.run = std::max(state_.run, FreshRun(now));
  for (const PendingGap& gap : state_.gaps) {
    for (const auto& [id, segment] : std::map(segments_)) {
      if (id.epoch != gap.epoch || id.first_sequence > gap.last) continue;
      (void)directory_.Remove(SegmentName(id));
      segments_.erase(id);
    }
  }
  if (lost) {
    AddGap({0, 0, 0, 0, v1::LANE_ROUTINE, GapReason::kStateLost});
  }
  OpenFrontier();
  ReadFrontier();
  MissEnds();
  DeleteAcknowledged();
  KeepSpare();
}

void SpoolWriter::LoadSegments() {
  auto names = directory_.List();
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (name == kSpareName) spare_ready_ = true;
    const auto id = ParseSegmentName(name);
    if (!id) continue;
    Segment segment;
    auto file = directory_.Open(name, platform::OpenMode::kReadWrite);
    if (file.ok()) {
      auto size = (*file)->Size();
      if (size.ok()) {
        segment.bytes = *size;
        // Gives back what a writer that died had reserved beyond its end.
        (void)(*file)->Truncate(*size);
      }
    }
    segments_[*id] = segment;
  }
  for (auto it = segments_.begin(); it != segments_.end(); ++it) {
    auto next = std::next(it);
    if (next != segments_.end() && next->first.epoch == it->first.epoch) {
      it->second.last = next->first.first_sequence - 1;
    }
  }
}

bool SpoolWriter::LoadState() {
  auto slots = SlotFile::OpenOrCreate(directory_, kStateName, kStateMagic,
                                      platform::OpenMode::kCreate);
  if (!slots.ok()) return false;
  state_file_ = *std::move(slots);
  const auto content = state_file_->Read();
  if (!content) return false;
  auto state = DecodeState(*content);
  if (!state) return false;
  state_ = *std::move(state);
  return true;
}

void SpoolWriter::OpenFrontier() {
  auto slots = SlotFile::OpenOrCreate(directory_, kFrontierName, kFrontierMagic,
                                      platform::OpenMode::kCreateShared);
  if (slots.ok()) frontier_file_ = *std::move(slots);
}

absl::StatusOr<SpoolPosition> SpoolWriter::Append(v1::Event event,
                                                  v1::Lane lane,
                                                  absl::Duration since_boot) {
  since_boot_ = std::max(since_boot_, since_boot);
  if (lane < v1::LANE_ROUTINE || lane > v1::LANE_URGENT) {
    return absl::InvalidArgumentError("spool: an event without a lane");
  }
  event.set_lane(lane);
  event.set_boot_id(options_.boot_id);
  event.set_boot_us(absl::ToInt64Microseconds(since_boot));
  absl::StatusOr<SpoolPosition> position;
  for (int i = 0; i < kAppendTries; ++i) {
    position = AppendOnce(event, lane);
    if (position.ok() || absl::IsInvalidArgument(position.status())) break;
  }
  if (position.ok()) {
    ++counters_.appended;
  } else {
    ++counters_.refused;
    ++refused_untold_[LaneIndex(lane)];
  }
  return position;
}

absl::StatusOr<SpoolPosition> SpoolWriter::AppendOnce(v1::Event& event,
                                                      v1::Lane lane) {
  Lane& live = lanes_[LaneIndex(lane)];
  event.set_sequence(live.next_sequence);
  const std::string plaintext = event.SerializeAsString();
  if (plaintext.size() > seal::kMaxPlaintextBytes) {
    return absl::InvalidArgumentError("spool: event longer than 64 KiB");
  }
  if (live.file != nullptr &&
      live.bytes + plaintext.size() + seal::kFrameHeadBytes + 64 >
          options_.segment_bytes) {
    CloseSegment(lane);
  }
  if (live.file == nullptr) {
    absl::Status opened = OpenSegment(lane);
    if (!opened.ok()) return opened;
  }
  auto record = live.sealer->Seal(live.next_sequence, plaintext);
  if (!record.ok()) return record.status();
  absl::Status written = live.file->WriteAt(live.bytes, *record);
  if (!written.ok()) {
    ++counters_.write_failures;
    CloseSegment(lane);
    if (absl::IsResourceExhausted(written)) {
      (void)MakeRoom(lane, GapReason::kDiskFull);
    }
    return written;
  }
  live.bytes += record->size();
  live.chain = seal::ExtendChain(live.chain, *record);
  live.dirty = true;
  if (!unsynced_since_) unsynced_since_ = since_boot_;
  const SpoolPosition position{live.id.epoch, live.next_sequence++};
  segments_[live.id].last = position.sequence;
  // Pages that a sync failed on may be dropped while they look clean: what
  // comes goes to others (Rebello et al., USENIX ATC 2020).
  if (lane == v1::LANE_URGENT && !SyncLane(lane).ok()) CloseSegment(lane);
  return position;
}

absl::Status SpoolWriter::OpenSegment(v1::Lane lane) {
  bool& full = full_[LaneIndex(lane)];
  Lane& live = lanes_[LaneIndex(lane)];
  while (!full &&
         TotalBytes() + options_.segment_bytes > options_.quota_bytes) {
    full = !MakeRoom(lane, GapReason::kQuota);
  }
  if (full) return absl::ResourceExhaustedError("spool: no room");
  const SegmentId id{EpochOf(state_.run, lane), live.next_sequence};
  auto file = MakeSegmentFile(id, true);
  while (absl::IsResourceExhausted(file.status()) &&
         MakeRoom(lane, GapReason::kDiskFull)) {
    file = MakeSegmentFile(id, true);
  }
  // Less than a segment may be left, and still enough for this record.
  if (!file.ok()) file = MakeSegmentFile(id, false);
  if (!file.ok()) {
    full = true;
    return file.status();
  }
  seal::SegmentSealer sealer = MakeSealer(id);
  absl::Status written = (*file)->WriteAt(0, sealer.header());
  if (!written.ok()) {
    ++counters_.write_failures;
    (void)directory_.Remove(SegmentName(id));
    full = !absl::IsResourceExhausted(written) ||
           !MakeRoom(lane, GapReason::kDiskFull);
    return written;
  }
  live.file = *std::move(file);
  live.sealer.emplace(std::move(sealer));
  live.id = id;
  live.bytes = live.sealer->header().size();
  live.chain = seal::StartChain(live.sealer->header());
  segments_[id] = {options_.segment_bytes, 0};
  folder_dirty_ = true;
  return absl::OkStatus();
}

seal::SegmentSealer SpoolWriter::MakeSealer(SegmentId id) const {
  seal::SegmentHeader header;
  header.device = options_.device;
  header.epoch = id.epoch;
  header.lane = id.lane();
  header.first_sequence = id.first_sequence;
  const SpoolState::LaneEnd& end = state_.lanes[LaneIndex(id.lane())];
  header.previous_epoch = end.epoch;
  header.previous_sequence = end.sequence;
  header.previous_chain = end.chain;
  auto sealer =
      seal::SegmentSealer::Make(header, options_.collector_key, device_key_);
  SG_CHECK(sealer.ok());  // the same options sealed at the start
  return *std::move(sealer);
}

absl::StatusOr<std::unique_ptr<platform::File>> SpoolWriter::MakeSegmentFile(
    SegmentId id, bool reserve) {
  const std::string name = SegmentName(id);
  // The spare is for the day when the disk is full and it is urgent.
  if (reserve && spare_ready_ && id.lane() == v1::LANE_URGENT) {
    spare_ready_ = false;
    if (directory_.Rename(kSpareName, name).ok()) {
      auto file = directory_.Open(name, platform::OpenMode::kReadWrite);
      if (file.ok()) return file;
    }
  }
  auto file = directory_.Open(name, platform::OpenMode::kCreate);
  if (absl::IsAlreadyExists(file.status())) {
    // Ours, from a try that failed half-way: the run's number is ours alone.
    (void)directory_.Remove(name);
    file = directory_.Open(name, platform::OpenMode::kCreate);
  }
  if (!file.ok() || !reserve) return file;
  absl::Status reserved = (*file)->Reserve(options_.segment_bytes);
  if (!reserved.ok()) {
    (void)directory_.Remove(name);
    return reserved;
  }
  return file;
}

void SpoolWriter::CloseSegment(v1::Lane lane) {
  Lane& live = lanes_[LaneIndex(lane)];
  if (live.file == nullptr) return;
  (void)SyncLane(lane);
  if (live.file != nullptr) (void)live.file->Truncate(live.bytes);
  segments_[live.id].bytes = live.bytes;
  NoteSegmentEnd(lane);
  live.file.reset();
  live.sealer.reset();
  live.dirty = false;
}

// What the next header of the lane will say of this segment.
void SpoolWriter::NoteSegmentEnd(v1::Lane lane) {
  Lane& live = lanes_[LaneIndex(lane)];
  state_.lanes[LaneIndex(lane)] = {live.id.epoch, live.next_sequence - 1,
                                   live.chain};
  state_stale_ = true;
}

absl::Status SpoolWriter::SyncLane(v1::Lane lane) {
  Lane& live = lanes_[LaneIndex(lane)];
  absl::Status status;
  if (live.file != nullptr && live.dirty) {
    status = live.file->Sync();
    live.dirty = false;
  }
  if (status.ok() && folder_dirty_) {
    status = directory_.Sync();
    if (status.ok()) folder_dirty_ = false;
  }
  if (!status.ok()) ++counters_.sync_failures;
  return status;
}

absl::Status SpoolWriter::Sync() {
  absl::Status status;
  for (v1::Lane lane : kAllLanes) {
    absl::Status one = SyncLane(lane);
    if (one.ok()) continue;
    status.Update(one);
    // What the failed sync left in doubt stays as it is; what comes goes to
    // pages that are not in doubt.
    CloseSegment(lane);
  }
  if (status.ok()) unsynced_since_.reset();
  return status;
}

absl::Status SpoolWriter::WriteState() {
  if (state_file_ == nullptr) {
    auto slots = SlotFile::OpenOrCreate(directory_, kStateName, kStateMagic,
                                        platform::OpenMode::kCreate);
    if (!slots.ok()) return slots.status();
    state_file_ = *std::move(slots);
  }
  absl::Status status = state_file_->Write(EncodeState(state_));
  state_stale_ = !status.ok();
  return status;
}

void SpoolWriter::Tick(absl::Duration since_boot) {
  since_boot_ = std::max(since_boot_, since_boot);
  full_.fill(false);
  if (unsynced_since_ &&
      since_boot_ - *unsynced_since_ >= options_.sync_interval) {
    (void)Sync();
  }
  ReadFrontier();
  DeleteAcknowledged();
  TellGaps();
  LearnOneLast();
  KeepSpare();
  if (state_stale_) (void)WriteState();
  told_.Save();
}

}  // namespace schoolgate::agent
