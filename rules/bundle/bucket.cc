#include "rules/bundle/bucket.h"

#include <algorithm>
#include <bit>

#include "platform/check.h"
#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {
namespace {

constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kTops = 0x8080808080808080;
constexpr int kEscapeDigitsLimit = 5;  // of 7 bits

// A tail with its set lies in a slot of 16 + 4 v bits. v is a nibble; kEscape
// stands for itself plus a number behind the nibbles.
constexpr uint64_t kSlotBitsLeast = 16;
constexpr uint64_t kSlotUnit = 4;
constexpr uint64_t kEscape = 15;

constexpr uint32_t kNibbles = 16;  // of a word

uint64_t FirstNibbles(uint64_t word, uint32_t count) {
  return count >= kNibbles ? word : word & ((uint64_t{1} << (4 * count)) - 1);
}

// The lowest bit of each nibble that is an escape.
uint64_t EscapesIn(uint64_t nibbles) {
  const uint64_t pairs = nibbles & nibbles >> 1;
  return pairs & pairs >> 2 & 0x1111111111111111;
}

uint64_t SumOfNibbles(uint64_t word) {
  constexpr uint64_t kLow = 0x0f0f0f0f0f0f0f0f;
  return ((word & kLow) + (word >> 4 & kLow)) * kOnes >> 56;
}

// Bit number of the set bit that has `rank` set bits below it; 64: none has.
uint32_t SelectBit(uint64_t word, uint32_t rank) {
  uint64_t sums = word - (word >> 1 & 0x5555555555555555);
  sums = (sums & 0x3333333333333333) + (sums >> 2 & 0x3333333333333333);
  sums = ((sums + (sums >> 4)) & 0x0f0f0f0f0f0f0f0f) * kOnes;
  if (rank >= sums >> 56) return 64;
  const uint64_t below = (((rank * kOnes) | kTops) - sums) & kTops;
  const auto at = static_cast<uint32_t>(((below >> 7) * kOnes >> 56) * 8);
  rank -= static_cast<uint32_t>(sums << 8 >> at & 0xff);
  uint64_t rest = word >> at;
  while (rank-- > 0) rest &= rest - 1;
  return at + static_cast<uint32_t>(std::countr_zero(rest));
}

void AppendNumber(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

}  // namespace

void AppendBucket(const NameModel& model, std::span<const BucketEntry> entries,
                  std::string* out) {
  SG_CHECK(entries.size() <= kBucketEntriesLimit);
  const auto size = static_cast<uint32_t>(entries.size());
  if (size < 0x80) {
    out->push_back(static_cast<char>(size));
  } else {
    out->push_back(static_cast<char>(0x80 | size >> 16));
    out->push_back(static_cast<char>(size >> 8));
    out->push_back(static_cast<char>(size));
  }
  std::string cells((kCells + size + 7) / 8, '\0');
  std::string nibbles((size + 1) / 2, '\0');
  std::string lows, escapes;
  BitRun tails;
  for (uint32_t i = 0; i < size; ++i) {
    const BucketEntry& entry = entries[i];
    // Ones are entries, zeros end a cell.
    const uint32_t bit =
        i + static_cast<uint32_t>(entry.place >> kLowBits & (kCells - 1));
    cells[bit / 8] = static_cast<char>(cells[bit / 8] | 1 << bit % 8);
    lows.push_back(static_cast<char>(entry.place));
    const uint64_t begin = tails.size();
    tails.AppendRun(AsBytes(entry.tail), 0, entry.tail_bits);
    model.AppendSet(entry.set, &tails);
    const uint64_t bits = tails.size() - begin;
    uint64_t units = 0;
    if (bits > kSlotBitsLeast) {
      units = (bits - kSlotBitsLeast + kSlotUnit - 1) / kSlotUnit;
    }
    tails.Append(0,
                 static_cast<int>(kSlotBitsLeast + units * kSlotUnit - bits));
    if (units >= kEscape) AppendNumber(units - kEscape, &escapes);
    const uint64_t nibble = std::min(units, kEscape) << (i % 2 * 4);
    nibbles[i / 2] = static_cast<char>(nibbles[i / 2] | nibble);
  }
  *out += cells + lows + nibbles + escapes + tails.Bytes();
}

BucketReader::BucketReader(const NameModel& model,
                           std::span<const uint8_t> bytes, uint64_t number)
    : model_(&model), bytes_(bytes), number_(number) {
  if (bytes.size() < 3) return;
  size_ = bytes[0];
  cells_at_ = 1;
  if (size_ >= 0x80) [[unlikely]] {
    size_ = (size_ & 0x7f) << 16 | uint32_t{bytes[1]} << 8 | bytes[2];
    cells_at_ = 3;
  }
  lows_at_ = cells_at_ + (kCells + size_ + 7) / 8;
}

// 64 bits of the cell map, the first one lowest.
uint64_t BucketReader::CellBitsAt(uint64_t bit) const {
  const size_t byte = cells_at_ + bit / 8;
  uint64_t word = 0;
  if (byte + 8 <= bytes_.size()) [[likely]] {
    word = LoadLittle<uint64_t>(&bytes_[byte]);
  } else {
    for (size_t i = byte; i < bytes_.size(); ++i) {
      word |= uint64_t{bytes_[i]} << (8 * (i - byte));
    }
  }
  return word >> bit % 8;
}

void BucketReader::FindCell(uint32_t cell, uint32_t* begin,
                            uint32_t* end) const {
  *begin = *end = 0;
  uint32_t first = 0;  // bit of the cell's first entry
  uint32_t zero = 0;   // bit of the zero that ends the cell
  if (kCells + size_ <= 64) [[likely]] {
    const uint64_t zeros = ~CellBitsAt(0);
    if (cell > 0) first = SelectBit(zeros, cell - 1) + 1;
    if (first >= 64) return;  // damaged
    zero = first + static_cast<uint32_t>(std::countr_zero(zeros >> first));
  } else {
    if (cell > 0) first = BehindZero(cell);
    zero = BehindZero(cell + 1) - 1;
  }
  if (zero < first || zero - cell > size_) return;  // damaged
  *begin = first - cell;
  *end = zero - cell;
}

// The bit behind the `count`-th zero of the cell map. 0: damaged.
uint32_t BucketReader::BehindZero(uint32_t count) const {
  const uint32_t bits = kCells + size_;
  for (uint32_t bit = 0; bit < bits; bit += 64) {
    uint64_t zeros = ~CellBitsAt(bit);
    if (bits - bit < 64) zeros &= (uint64_t{1} << (bits - bit)) - 1;
    const auto here = static_cast<uint32_t>(std::popcount(zeros));
    if (here >= count) return bit + SelectBit(zeros, count - 1) + 1;
    count -= here;
  }
  return 0;
}

std::vector<uint8_t> BucketReader::CellsOfEntries() const {
  std::vector<uint8_t> cells;
  uint8_t cell = 0;
  for (uint32_t bit = 0; bit < kCells + size_ && cell < kCells; ++bit) {
    if (CellBitsAt(bit) & 1) {
      cells.push_back(cell);
    } else {
      ++cell;
    }
  }
  if (cells.size() != size_ || cell != kCells) cells.clear();
  return cells;
}

// The number at byte *at, which goes behind it; 0 in *at: damaged.
uint64_t BucketReader::ReadEscape(size_t* at) const {
  uint64_t value = 0;
  int digit = 0;
  do {
    if (*at >= bytes_.size() || digit == kEscapeDigitsLimit) {
      *at = 0;
      return 0;
    }
    value |= uint64_t{bytes_[*at] & 0x7fu} << (7 * digit++);
  } while (bytes_[(*at)++] & 0x80);
  return value;
}

// The length of an entry's slot. *escape_at is the byte of the next escape;
// 0: damaged.
uint64_t BucketReader::SlotBits(uint32_t entry, size_t* escape_at) const {
  const size_t at = lows_at_ + size_ + entry / 2;
  uint64_t units = bytes_[at] >> (entry % 2 * 4) & 15u;
  if (units == kEscape) [[unlikely]]
    units += ReadEscape(escape_at);
  return kSlotBitsLeast + units * kSlotUnit;
}

// Slots of 16 entries at once; all escapes are read, for the tails begin
// where they end.
uint64_t BucketReader::TailAt(uint32_t entry) const {
  const size_t nibbles_at = lows_at_ + size_;
  size_t escape_at = nibbles_at + (size_ + 1) / 2;
  if (escape_at > bytes_.size()) return 0;
  uint64_t skip = 0;
  for (uint32_t i = 0; i < size_;) {
    const size_t at = nibbles_at + i / 2;
    if (i % kNibbles != 0 || at + 8 > bytes_.size()) [[unlikely]] {
      const uint64_t bits = SlotBits(i, &escape_at);
      if (escape_at == 0) return 0;
      if (i++ < entry) skip += bits;
      continue;
    }
    const uint32_t count = std::min(kNibbles, size_ - i);
    const uint32_t before = std::min(entry > i ? entry - i : 0, count);
    const uint64_t nibbles =
        FirstNibbles(LoadLittle<uint64_t>(&bytes_[at]), count);
    skip += before * kSlotBitsLeast +
            SumOfNibbles(FirstNibbles(nibbles, before)) * kSlotUnit;
    for (uint64_t rest = EscapesIn(nibbles); rest != 0; rest &= rest - 1) {
      const uint64_t units = ReadEscape(&escape_at);
      if (escape_at == 0) return 0;
      const auto of = static_cast<uint32_t>(std::countr_zero(rest)) / 4;
      if (of < before) skip += units * kSlotUnit;
    }
    i += count;
  }
  return escape_at * 8 + skip;
}

bool BucketReader::ReadAll(std::vector<BucketEntry>* entries) const {
  const std::vector<uint8_t> cells = CellsOfEntries();
  if (cells.size() != size_) return false;
  uint64_t bit = TailAt(0);
  if (bit == 0) return false;
  size_t escape_at = lows_at_ + size_ + (size_ + 1) / 2;
  for (uint32_t i = 0; i < size_; ++i) {
    BucketEntry& entry = entries->emplace_back();
    entry.place = PlaceOf(cells[i], i);
    const uint64_t end = model_->ReadTail(bytes_, bit, entry.place, nullptr);
    if (end == 0) return false;
    BitRun tail;
    tail.AppendRun(bytes_, bit, end - bit);
    entry.tail = tail.Bytes();
    entry.tail_bits = static_cast<uint32_t>(end - bit);
    if (model_->ReadSet(bytes_, end, &entry.set) == 0) return false;
    bit += SlotBits(i, &escape_at);
  }
  return true;
}

}  // namespace schoolgate::rules
