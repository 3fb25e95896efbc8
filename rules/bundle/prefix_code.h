// Prefix codes: from weights to lengths, from lengths to code words and back.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace schoolgate::rules {

inline constexpr int kCodeLengthLimit = 24;

// Lengths of an optimal complete code with no word longer than `limit`.
// Weights of 0 count as 1; one symbol alone gets length 1. The same weights
// give the same lengths on every machine. Needs symbols <= 2^limit.
std::vector<uint8_t> CodeLengths(std::span<const uint64_t> weights, int limit);

// Whether the lengths, each in 1..limit, make a complete prefix code: every
// bit string begins with exactly one word. A code of one symbol has length 1
// and is the only one that need not be complete.
bool IsCompleteCode(std::span<const uint8_t> lengths, int limit);

// Canonical words: ascending by (length, symbol), as numbers of `length` bits.
std::vector<uint32_t> CodeWords(std::span<const uint8_t> lengths);

// Reads words of a canonical code. Immutable.
class WordReader {
 public:
  WordReader() = default;
  explicit WordReader(std::span<const uint8_t> lengths);

  // The symbol whose word stands at the top of `window`; its length goes to
  // *length. -1: no word does, which a complete code rules out.
  int Read(uint64_t window, int* length) const {
    const auto top = static_cast<uint32_t>(window >> 40);  // 24 bits
    for (int n = shortest_; n <= longest_; ++n) {
      if (top < limit_[n]) {
        *length = n;
        return symbols_[first_[n] +
                        ((top - base_[n]) >> (kCodeLengthLimit - n))];
      }
    }
    return -1;
  }

 private:
  int shortest_ = 1;
  int longest_ = 0;
  // By length: the first 24-bit value that is beyond the words of this
  // length, the value of its first word, and that word's place in symbols_.
  std::array<uint32_t, kCodeLengthLimit + 1> limit_ = {};
  std::array<uint32_t, kCodeLengthLimit + 1> base_ = {};
  std::array<uint32_t, kCodeLengthLimit + 1> first_ = {};
  std::vector<uint16_t> symbols_;
};

}  // namespace schoolgate::rules
