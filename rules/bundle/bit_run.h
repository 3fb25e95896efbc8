// Runs of bits, the first bit being the top one of the first byte.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace schoolgate::rules {

// The 64 bits from bit `at` on; bits beyond the end are 0.
inline uint64_t BitsAt(std::span<const uint8_t> bytes, uint64_t at) {
  const uint64_t byte = at >> 3;
  const int shift = static_cast<int>(at & 7);
  if (byte + 9 <= bytes.size()) [[likely]] {
    uint64_t word;
    std::memcpy(&word, &bytes[byte], sizeof word);
    word = __builtin_bswap64(word) << shift;
    return shift == 0 ? word : word | (bytes[byte + 8] >> (8 - shift));
  }
  uint64_t word = 0;
  for (uint64_t i = 0; i < 8; ++i) {
    word = word << 8 | (byte + i < bytes.size() ? bytes[byte + i] : 0);
  }
  word <<= shift;
  if (shift != 0 && byte + 8 < bytes.size()) {
    word |= static_cast<uint64_t>(bytes[byte + 8] >> (8 - shift));
  }
  return word;
}

// A value; not meant for more than a bucket or a name.
class BitRun {
 public:
  // The low `count` bits of `bits`, at most 57 of them.
  void Append(uint64_t bits, int count) {
    pending_ = pending_ << count | bits;
    pending_count_ += count;
    size_ += static_cast<uint64_t>(count);
    while (pending_count_ >= 8) {
      pending_count_ -= 8;
      bytes_.push_back(static_cast<char>(pending_ >> pending_count_));
    }
    pending_ &= (uint64_t{1} << pending_count_) - 1;
  }

  // `count` bits of `bytes` from bit `at` on.
  void AppendRun(std::span<const uint8_t> bytes, uint64_t at, uint64_t count) {
    while (count > 0) {
      const int part = count < 32 ? static_cast<int>(count) : 32;
      Append(BitsAt(bytes, at) >> (64 - part), part);
      at += static_cast<uint64_t>(part);
      count -= static_cast<uint64_t>(part);
    }
  }

  uint64_t size() const { return size_; }

  // The bytes, the last one filled up with zeros.
  std::string Bytes() const {
    std::string all = bytes_;
    if (pending_count_ > 0) {
      all.push_back(static_cast<char>(pending_ << (8 - pending_count_)));
    }
    return all;
  }

 private:
  std::string bytes_;
  uint64_t pending_ = 0;
  int pending_count_ = 0;
  uint64_t size_ = 0;
};

}  // namespace schoolgate::rules
