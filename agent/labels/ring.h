// A queue of records in memory that two processes share. Neither side trusts
// the other: whatever it writes there, a read or write stays inside the memory
// and inside the slot, and nonsense is noticed.
//
// One writer, one reader, no lock. When full, Push refuses: nobody waits for
// the other side unless it wants to.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace schoolgate::agent {

// What both sides must agree on.
struct RingShape {
  uint32_t slots = 0;
  uint32_t slot_bytes = 0;  // 4 of which hold the record's length

  size_t bytes() const;
  size_t most_record_bytes() const { return slot_bytes - sizeof(uint32_t); }
};

// The start of the shared memory. Each counter has one side that writes it,
// and a cache line of its own.
struct RingHead {
  alignas(64) std::atomic<uint64_t> written;
  alignas(64) std::atomic<uint64_t> taken;
  alignas(64) std::atomic<uint32_t> reader_sleeps;
  alignas(64) std::atomic<uint32_t> writer_sleeps;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

// Not thread-safe. The memory is the caller's, of shape.bytes(), aligned to
// 64, zeroed before the first of both sides is made, and outlives the writer.
class RingWriter {
 public:
  RingWriter(std::span<std::byte> memory, const RingShape& shape);

  // Two parts that make one record. False: full, broken, or longer than a slot.
  bool Push(std::span<const std::byte> head, std::span<const std::byte> tail);
  bool Push(std::span<const std::byte> record) { return Push(record, {}); }

  bool HasRoom();
  // Whether the reader has taken all that was written.
  bool AllTaken();
  // Records taken so far, as the reader says: shows whether it is alive.
  uint64_t taken();

  // After Push: true when the reader sleeps and has to be woken.
  bool ReaderSleeps();
  // Says that this side is going to sleep; false: there is room meanwhile.
  bool MaySleep();
  void Awake();

  // The reader's counter made no sense. Nothing is written any more.
  bool broken() const { return broken_; }

 private:
  RingHead* head_;
  std::byte* slots_;
  RingShape shape_;
  uint64_t written_ = 0;  // our own count: the shared one is only told
  uint64_t taken_ = 0;
  bool broken_ = false;
};

// Not thread-safe. Memory as for the writer.
class RingReader {
 public:
  RingReader(std::span<std::byte> memory, const RingShape& shape);

  // Copies the next record out, so that it cannot change any more. Empty:
  // there is none, or the ring is broken. `room` holds most_record_bytes().
  std::span<const std::byte> Pop(std::span<std::byte> room);

  bool WriterSleeps();
  bool MaySleep();
  void Awake();

  // The writer's counter or a length made no sense. Nothing is read any more.
  bool broken() const { return broken_; }

 private:
  bool Has();

  RingHead* head_;
  const std::byte* slots_;
  RingShape shape_;
  uint64_t taken_ = 0;
  uint64_t written_ = 0;
  bool broken_ = false;
};

}  // namespace schoolgate::agent
