#include "agent/spool/segment_scanner.h"

#include "proto/seal/record.h"
#include "proto/seal/segment.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kWindowBytes = 256 * 1024;
constexpr std::string_view kRecordMagic = "SGR1";

}  // namespace

absl::Status SegmentScanner::ReadHeader(SegmentId id) {
  std::string bytes(seal::kSegmentHeaderBytes, '\0');
  auto got = file_->ReadAt(0, bytes);
  if (!got.ok()) return absl::UnavailableError(got.status().message());
  if (*got < bytes.size()) return absl::DataLossError("segment: no header");
  auto header = seal::ParseSegmentHeader(bytes);
  if (!header.ok()) return header.status();
  if (header->epoch != id.epoch ||
      header->first_sequence != id.first_sequence) {
    return absl::DataLossError("segment: its header names another");
  }
  header_bytes_ = std::move(bytes);
  at_ = seal::kSegmentHeaderBytes;
  return absl::OkStatus();
}

std::string_view SegmentScanner::Rest() const {
  if (at_ < window_at_ || at_ - window_at_ > window_.size()) return {};
  return std::string_view(window_).substr(at_ - window_at_);
}

// Makes the window hold at least `want_bytes` from at_, or all there are.
bool SegmentScanner::Fill(size_t want_bytes) {
  failed_ = false;
  auto size = file_->Size();
  if (!size.ok()) {
    failed_ = true;
    return false;
  }
  file_bytes_ = *size;
  if (file_bytes_ <= at_) return false;
  const uint64_t left = file_bytes_ - at_;
  window_.resize(std::min<uint64_t>(std::max(want_bytes, kWindowBytes), left));
  window_at_ = at_;
  auto got = file_->ReadAt(at_, window_);
  failed_ = !got.ok();
  window_.resize(got.ok() ? *got : 0);
  return !window_.empty();
}

bool SegmentScanner::Next(ScannedRecord* record) {
  for (;;) {
    seal::Frame frame;
    switch (seal::ParseFrame(Rest(), &frame)) {
      case seal::FrameError::kNone:
        record->sequence = frame.sequence;
        record->bytes = Rest().substr(0, frame.total_bytes);
        at_ += frame.total_bytes;
        return true;
      case seal::FrameError::kBadBody:
        at_ += frame.total_bytes;
        break;
      case seal::FrameError::kBadHead:
        if (!Resynchronise()) return false;
        break;
      case seal::FrameError::kShort: {
        const size_t had = Rest().size();
        if (!Fill(seal::kFrameHeadBytes + seal::kMaxBodyBytes)) return false;
        if (Rest().size() <= had) return false;
        break;
      }
    }
  }
}

// Moves at_ to the next whole record, if there is one.
bool SegmentScanner::Resynchronise() {
  if (!Fill(kSegmentBytes)) return false;
  if (file_bytes_ == searched_bytes_) return false;
  const std::string_view rest = Rest();
  size_t found = rest.find(kRecordMagic, 1);
  while (found != std::string_view::npos) {
    seal::Frame frame;
    if (seal::ParseFrame(rest.substr(found), &frame) ==
        seal::FrameError::kNone) {
      at_ += found;
      return true;
    }
    found = rest.find(kRecordMagic, found + 1);
  }
  searched_bytes_ = file_bytes_;
  return false;
}

uint64_t LastSequence(platform::Directory& directory, SegmentId id) {
  auto file = directory.Open(SegmentName(id), platform::OpenMode::kRead);
  if (!file.ok()) return 0;
  SegmentScanner scanner(*std::move(file));
  if (!scanner.ReadHeader(id).ok()) return 0;
  ScannedRecord record;
  uint64_t last = 0;
  while (scanner.Next(&record)) last = record.sequence;
  return last;
}

}  // namespace schoolgate::agent
