#include "agent/dpi/worker.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace schoolgate::agent {

Worker::Worker(std::span<std::byte> memory, int door)
    : packets_(memory.first(kPacketRing.bytes()), kPacketRing),
      labels_(memory.subspan(kPacketRing.bytes()), kLabelRing),
      door_(door) {}

bool Worker::Load() {
  labeller_ = FlowLabeller::Make([this](const FlowLabeller::Found& found) {
    const std::string_view label = found.label;
    LabelRecord record;
    record.flow = found.flow;
    record.frame = found.frame;
    record.time_us = found.time_us;
    record.kind = label.empty() ? AnswerKind::kNone : AnswerKind::kLabel;
    record.given_up = found.given_up;
    record.length =
        static_cast<uint8_t>(std::min(label.size(), LabelRecord::kMostLabel));
    std::copy_n(label.begin(), record.length, record.label);
    Answer(record);
  });
  return labeller_ != nullptr;
}

bool Worker::Run() {
  std::array<std::byte, kPacketRing.slot_bytes> room;
  while (!gone_) {
    const std::span<const std::byte> bytes = packets_.Pop(room);
    if (packets_.broken() || labels_.broken()) return false;
    if (!bytes.empty()) {
      if (!Take(bytes)) return false;
      if (packets_.WriterSleeps()) Ring();
      continue;
    }
    if (packets_.MaySleep()) Sleep();
    packets_.Awake();
  }
  return true;
}

bool Worker::Take(std::span<const std::byte> bytes) {
  const auto record = ReadTapRecord(bytes);
  if (!record) return false;
  switch (record->kind) {
    case TapKind::kPacket:
      labeller_->OnPacket(*record, bytes.subspan(sizeof(TapRecord)));
      return true;
    case TapKind::kEnd:
      labeller_->OnEnd(record->flow);
      return true;
    case TapKind::kSync: {
      labeller_->Finish();
      LabelRecord synced;
      synced.flow = record->flow;
      synced.kind = AnswerKind::kSynced;
      Answer(synced);
      return true;
    }
  }
  return false;
}

// Waits for room: a label that is late is better than one that is lost, and
// what the agent cannot push meanwhile it counts.
void Worker::Answer(const LabelRecord& record) {
  const auto bytes = std::as_bytes(std::span(&record, 1));
  while (!gone_ && !labels_.Push(bytes)) {
    if (labels_.broken()) return;
    if (labels_.MaySleep()) {
      Ring();
      Sleep();
    }
    labels_.Awake();
  }
  if (labels_.ReaderSleeps()) Ring();
}

bool Worker::Sleep() {
  pollfd door{door_, POLLIN, 0};
  while (poll(&door, 1, -1) < 0) {
    // Never a loop that waits for nothing: whoever started us looks after us.
    if (errno != EINTR) return !(gone_ = true);
  }
  char rings[64];
  const ssize_t got = read(door_, rings, sizeof rings);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) gone_ = true;
  return !gone_;
}

void Worker::Ring() {
  const char ring = 1;
  // A full door means that the agent will wake anyway.
  if (write(door_, &ring, 1) < 0 && errno == EPIPE) gone_ = true;
}

}  // namespace schoolgate::agent
