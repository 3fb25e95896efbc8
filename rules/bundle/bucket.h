// A bucket of the index: the entries whose places begin alike.
// docs/bundle-format.md, section 4.5.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rules/bundle/bit_run.h"
#include "rules/bundle/name_model.h"

namespace schoolgate::rules {

inline constexpr int kCells = 1 << kCellBits;
inline constexpr uint32_t kBucketEntriesLimit = 0x7fffff;

// One entry on its way into or out of a bucket.
struct BucketEntry {
  uint64_t place = 0;
  std::string tail;  // bits of the name, filled up with zeros
  uint32_t tail_bits = 0;
  uint32_t set = 0;  // number in the directory's table

  // The order in which entries lie.
  bool operator<(const BucketEntry& other) const {
    if (place != other.place) return place < other.place;
    return tail < other.tail;
  }
};

// Appends the bucket with these entries, which are in order. At most
// kBucketEntriesLimit.
void AppendBucket(const NameModel& model, std::span<const BucketEntry> entries,
                  std::string* out);

// Reads a bucket where it lies. Whatever the bytes are, nothing outside them
// is read; what they say is then wrong, but no call fails to return. Cheap to
// copy; borrows model and bytes.
class BucketReader {
 public:
  // `bytes` begin with the bucket and may go on behind it. `number` is the
  // bucket's.
  BucketReader(const NameModel& model, std::span<const uint8_t> bytes,
               uint64_t number);

  uint32_t size() const { return size_; }

  // The entries whose place has these low bits (cell and low byte): their
  // numbers from *begin on, those that share its cell; the low byte is to be
  // compared by the caller with low(i).
  void FindCell(uint32_t cell, uint32_t* begin, uint32_t* end) const;
  uint8_t low(uint32_t entry) const {
    const size_t at = lows_at_ + entry;
    return at < bytes_.size() ? bytes_[at] : 0;
  }

  // The bit of bytes() at which the tail of an entry begins. 0: damaged.
  uint64_t TailAt(uint32_t entry) const;
  std::span<const uint8_t> bytes() const { return bytes_; }

  // All entries in order. False: damaged.
  bool ReadAll(std::vector<BucketEntry>* entries) const;

 private:
  uint64_t CellBitsAt(uint64_t bit) const;
  uint32_t BehindZero(uint32_t count) const;
  uint64_t PlaceOf(uint32_t cell, uint32_t entry) const {
    return number_ << kPlaceBelowBucket | uint64_t{cell} << kLowBits |
           low(entry);
  }
  std::vector<uint8_t> CellsOfEntries() const;
  uint64_t ReadEscape(size_t* at) const;
  uint64_t SlotBits(uint32_t entry, size_t* escape_at) const;

  const NameModel* model_;
  std::span<const uint8_t> bytes_;
  uint64_t number_;
  uint32_t size_ = 0;
  size_t cells_at_ = 0;  // byte
  size_t lows_at_ = 0;   // byte
};

}  // namespace schoolgate::rules
