#include "agent/spool/spool_reader.h"

#include <algorithm>

namespace schoolgate::agent {

std::unique_ptr<SpoolReader> SpoolReader::Open(platform::Directory& directory) {
  std::unique_ptr<SpoolReader> reader(new SpoolReader(directory));
  Frontier start;
  if (reader->OpenFrontier()) {
    const auto content = reader->frontier_file_->Read();
    if (content) start = DecodeFrontier(*content).value_or(Frontier{});
  }
  reader->losses_ = start.losses;
  reader->acknowledged_ = start.acknowledged;
  reader->saved_ = start;
  for (v1::Lane lane : kAllLanes) {
    reader->lanes_[LaneIndex(lane)] = std::make_unique<LaneReader>(
        directory, lane, start.lanes[LaneIndex(lane)], reader->losses_);
  }
  reader->Refresh();
  return reader;
}

bool SpoolReader::OpenFrontier() {
  if (frontier_file_ != nullptr) return true;
  auto slots = SlotFile::OpenOrCreate(directory_, kFrontierName, kFrontierMagic,
                                      platform::OpenMode::kCreateShared);
  if (!slots.ok()) return false;
  frontier_file_ = *std::move(slots);
  return true;
}

void SpoolReader::ReadRun() {
  if (state_file_ == nullptr) {
    auto slots = SlotFile::OpenToRead(directory_, kStateName, kStateMagic);
    if (!slots.ok()) return;
    state_file_ = *std::move(slots);
  }
  const auto content = state_file_->Read();
  if (!content) return;
  const auto state = DecodeState(*content);
  if (state) run_ = state->run;
}

void SpoolReader::Refresh() {
  // The run first: a segment listed after it cannot be of a run that ended
  // before.
  ReadRun();
  auto names = directory_.List();
  if (!names.ok()) return;
  std::array<std::vector<SegmentId>, kLanes> segments;
  for (const std::string& name : *names) {
    const auto id = ParseSegmentName(name);
    if (id) segments[LaneIndex(id->lane())].push_back(*id);
  }
  for (size_t i = 0; i < kLanes; ++i) {
    std::sort(segments[i].begin(), segments[i].end());
    lanes_[i]->SetSegments(std::move(segments[i]), run_);
  }
}

std::optional<SpoolBatch> SpoolReader::Next(const BatchLimits& limits) {
  SpoolBatch batch;
  for (size_t i = kLanes; i-- > 0;) {
    if (lanes_[i]->Next(limits, &batch)) return batch;
    if (limits.urgent_only) break;
  }
  return std::nullopt;
}

void SpoolReader::Acknowledge(uint64_t epoch, uint64_t sequence) {
  if ((epoch & 3) == 0) return;
  acknowledged_ += lanes_[LaneIndex(SegmentId{epoch, 0}.lane())]->Acknowledge(
      epoch, sequence);
}

void SpoolReader::Skip(uint64_t epoch, uint64_t sequence) {
  if ((epoch & 3) == 0) return;
  lanes_[LaneIndex(SegmentId{epoch, 0}.lane())]->Skip(epoch, sequence);
}

void SpoolReader::Rewind() {
  for (auto& lane : lanes_) lane->Rewind();
}

Frontier SpoolReader::frontier() const {
  Frontier frontier;
  for (size_t i = 0; i < kLanes; ++i) frontier.lanes[i] = lanes_[i]->frontier();
  frontier.losses = losses_;
  frontier.acknowledged = acknowledged_;
  return frontier;
}

absl::Status SpoolReader::Save() {
  const Frontier now = frontier();
  if (now == saved_) return absl::OkStatus();
  if (!OpenFrontier()) {
    return absl::UnavailableError(
        "1-frontier: cannot be opened: acknowledged records stay on disk: let "
        "the uplink's user write it");
  }
  absl::Status status = frontier_file_->Write(EncodeFrontier(now));
  if (status.ok()) saved_ = now;
  return status;
}

bool SpoolReader::idle() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const auto& lane) { return lane->idle(); });
}

size_t SpoolReader::segments_left() const {
  size_t left = 0;
  for (const auto& lane : lanes_) left += lane->segments_left();
  return left;
}

SegmentId SpoolReader::place() const {
  for (size_t i = kLanes; i-- > 0;) {
    if (lanes_[i]->segments_left() > 0) return lanes_[i]->place();
  }
  return lanes_[LaneIndex(v1::LANE_NORMAL)]->place();
}

uint64_t SpoolReader::acknowledged_of_place() const {
  const SegmentId id = place();
  if ((id.epoch & 3) == 0) return 0;
  const LaneFrontier lane = lanes_[LaneIndex(id.lane())]->frontier();
  return lane.acked_epoch == id.epoch ? lane.acked_sequence : 0;
}

uint64_t CountWaiting(platform::Directory& directory) {
  Frontier frontier;
  auto slots = SlotFile::OpenToRead(directory, kFrontierName, kFrontierMagic);
  if (slots.ok()) {
    const auto content = (*slots)->Read();
    if (content) frontier = DecodeFrontier(*content).value_or(Frontier{});
  }
  uint64_t waiting = 0;
  const auto names = directory.List();
  if (!names.ok()) return 0;
  for (const std::string& name : *names) {
    const auto id = ParseSegmentName(name);
    if (!id) continue;
    const LaneFrontier& done = frontier.lanes[LaneIndex(id->lane())];
    if (*id < done.oldest_needed) continue;
    auto file = directory.Open(name, platform::OpenMode::kRead);
    if (!file.ok()) continue;
    SegmentScanner scanner(*std::move(file));
    if (!scanner.ReadHeader(*id).ok()) continue;
    ScannedRecord record;
    while (scanner.Next(&record)) {
      waiting += done.acked_epoch != id->epoch ||
                 record.sequence > done.acked_sequence;
    }
  }
  return waiting;
}

}  // namespace schoolgate::agent
