#include "agent/labels/ring.h"

#include <cstring>

#include "platform/check.h"

namespace schoolgate::agent {
namespace {

RingHead* HeadOf(std::span<std::byte> memory, const RingShape& shape) {
  SG_CHECK(memory.size() >= shape.bytes());
  SG_CHECK(reinterpret_cast<uintptr_t>(memory.data()) % alignof(RingHead) == 0);
  SG_CHECK(shape.slots > 0 && shape.slot_bytes > sizeof(uint32_t));
  return reinterpret_cast<RingHead*>(memory.data());
}

// Sleeping and waking across processes: what one side writes before it looks
// at the other's flag must be seen before that look.
void Settle() { std::atomic_thread_fence(std::memory_order_seq_cst); }

bool TakeFlag(std::atomic<uint32_t>& flag) {
  Settle();
  if (flag.load(std::memory_order_relaxed) == 0) return false;
  flag.store(0, std::memory_order_relaxed);
  return true;
}

}  // namespace

size_t RingShape::bytes() const {
  return sizeof(RingHead) + static_cast<size_t>(slots) * slot_bytes;
}

RingWriter::RingWriter(std::span<std::byte> memory, const RingShape& shape)
    : head_(HeadOf(memory, shape)),
      slots_(memory.data() + sizeof(RingHead)),
      shape_(shape) {}

uint64_t RingWriter::taken() {
  const uint64_t taken = head_->taken.load(std::memory_order_acquire);
  // It may only grow, and never beyond what was written.
  if (written_ - taken > shape_.slots || taken - taken_ > shape_.slots) {
    broken_ = true;
  } else {
    taken_ = taken;
  }
  return taken_;
}

bool RingWriter::HasRoom() {
  if (broken_) return false;
  if (written_ - taken_ < shape_.slots) return true;
  taken();
  return !broken_ && written_ - taken_ < shape_.slots;
}

bool RingWriter::AllTaken() { return taken() == written_ && !broken_; }

bool RingWriter::Push(std::span<const std::byte> head,
                      std::span<const std::byte> tail) {
  const size_t most = shape_.most_record_bytes();
  if (head.size() > most || tail.size() > most - head.size()) return false;
  if (!HasRoom()) return false;
  std::byte* slot = slots_ + (written_ % shape_.slots) * shape_.slot_bytes;
  const auto length = static_cast<uint32_t>(head.size() + tail.size());
  std::memcpy(slot, &length, sizeof length);
  slot += sizeof length;
  if (!head.empty()) std::memcpy(slot, head.data(), head.size());
  if (!tail.empty()) std::memcpy(slot + head.size(), tail.data(), tail.size());
  ++written_;
  head_->written.store(written_, std::memory_order_release);
  return true;
}

bool RingWriter::ReaderSleeps() { return TakeFlag(head_->reader_sleeps); }

bool RingWriter::MaySleep() {
  head_->writer_sleeps.store(1, std::memory_order_relaxed);
  Settle();
  return !HasRoom() && !broken_;
}

void RingWriter::Awake() {
  head_->writer_sleeps.store(0, std::memory_order_relaxed);
}

RingReader::RingReader(std::span<std::byte> memory, const RingShape& shape)
    : head_(HeadOf(memory, shape)),
      slots_(memory.data() + sizeof(RingHead)),
      shape_(shape) {}

bool RingReader::Has() {
  if (broken_) return false;
  if (written_ != taken_) return true;
  const uint64_t written = head_->written.load(std::memory_order_acquire);
  if (written - taken_ > shape_.slots) {
    broken_ = true;
    return false;
  }
  written_ = written;
  return written_ != taken_;
}

std::span<const std::byte> RingReader::Pop(std::span<std::byte> room) {
  if (!Has()) return {};
  const std::byte* slot = slots_ + (taken_ % shape_.slots) * shape_.slot_bytes;
  uint32_t length = 0;  // read once: the writer may change it any time
  std::memcpy(&length, slot, sizeof length);
  if (length == 0 || length > shape_.most_record_bytes() ||
      length > room.size()) {
    broken_ = true;
    return {};
  }
  std::memcpy(room.data(), slot + sizeof length, length);
  ++taken_;
  head_->taken.store(taken_, std::memory_order_release);
  return room.first(length);
}

bool RingReader::WriterSleeps() { return TakeFlag(head_->writer_sleeps); }

bool RingReader::MaySleep() {
  head_->reader_sleeps.store(1, std::memory_order_relaxed);
  Settle();
  return !Has() && !broken_;
}

void RingReader::Awake() {
  head_->reader_sleeps.store(0, std::memory_order_relaxed);
}

}  // namespace schoolgate::agent
