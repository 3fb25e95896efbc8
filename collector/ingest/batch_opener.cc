#include "collector/ingest/batch_opener.h"

#include "absl/strings/str_cat.h"
#include "proto/seal/record.h"

namespace schoolgate::collector {
namespace {

constexpr char kUnreadable[] = "unreadable_record";

// The frame's sequence proves nothing, but it is what the device waits for.
std::optional<uint64_t> SequenceOf(const std::string& record) {
  seal::Frame frame;
  const seal::FrameError error = seal::ParseFrame(record, &frame);
  if (error != seal::FrameError::kNone && error != seal::FrameError::kBadBody) {
    return std::nullopt;
  }
  return frame.sequence;
}

}  // namespace

absl::StatusOr<OpenedBatch> BatchOpener::Open(const v1::Batch& batch,
                                              absl::Time now) {
  if (batch.records_size() == 0 || batch.records_size() > kMaxRecordsPerBatch) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch: ", batch.records_size(), " records"));
  }
  UseHeader(batch.segment_header());
  OpenedBatch opened;
  opened.epoch = batch.epoch();
  opened.events.reserve(static_cast<size_t>(batch.records_size()));
  for (const std::string& record : batch.records()) {
    const std::optional<uint64_t> sequence = SequenceOf(record);
    if (!sequence || *sequence <= opened.last_sequence) {
      return absl::InvalidArgumentError(
          "batch: a record without a frame, or out of order");
    }
    opened.last_sequence = *sequence;
    opened.bytes += record.size();
    OpenOne(batch, *sequence, record, now, &opened);
  }
  return opened;
}

void BatchOpener::UseHeader(const std::string& header) {
  if (header == header_ && (opener_ || !header_fault_.empty())) return;
  header_ = header;
  opener_.reset();
  header_fault_.clear();
  absl::StatusOr<seal::SegmentOpener> opener =
      seal::SegmentOpener::Open(header, device_.id, device_.signing_key, keys_);
  if (opener.ok()) {
    opener_ = *std::move(opener);
  } else {
    header_fault_ = std::string(opener.status().message());
  }
}

void BatchOpener::OpenOne(const v1::Batch& batch, uint64_t sequence,
                          const std::string& record, absl::Time now,
                          OpenedBatch* opened) {
  std::string why = header_fault_;
  v1::Event event;
  if (opener_ && opener_->header().epoch != batch.epoch()) {
    why = "segment header: of another epoch";
  } else if (opener_) {
    const absl::StatusOr<std::string> plain =
        opener_->OpenRecord(sequence, record);
    if (!plain.ok()) {
      why = std::string(plain.status().message());
    } else if (!event.ParseFromString(*plain)) {
      why = "record: not an event";
    }
  }
  if (!why.empty()) {
    opened->refused.push_back(
        {device_.id, batch.epoch(), sequence, why, record});
    event.Clear();
    event.set_time_unix_us(absl::ToUnixMicros(now));
    event.set_lane(v1::LANE_URGENT);
    event.mutable_tamper()->set_kind(kUnreadable);
    event.mutable_tamper()->set_detail(why);
  }
  event.set_sequence(sequence);
  opened->events.push_back(Wrap(batch.epoch(), std::move(event), now));
}

StoredEvent BatchOpener::Wrap(uint64_t epoch, v1::Event event,
                              absl::Time now) const {
  StoredEvent stored;
  stored.school = device_.school;
  stored.device = device_.id;
  stored.epoch = epoch;
  stored.received = now;
  stored.happened = clock_.Happened(event, now);
  stored.event = std::move(event);
  return stored;
}

}  // namespace schoolgate::collector
