// Says of most names at once that they are not listed: section "filter".
// docs/bundle-format.md, section 4.8.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "rules/bundle/name_hash.h"
#include "rules/bundle/page_guard.h"

namespace schoolgate::rules {

inline constexpr uint64_t kFilterBlockBytes = 64;
inline constexpr int kFilterBits = 6;         // set for a name
inline constexpr uint64_t kFilterShare = 12;  // bits a name, on average

// The bytes of the block that a name falls into, from the section's begin on.
inline uint64_t FilterBlockAt(uint64_t hash, uint64_t blocks) {
  return ((hash >> 32) * blocks >> 32) * kFilterBlockBytes;
}

// What a name's bits within the block are taken from: 9 bits each from the
// top.
inline uint64_t FilterBitsOf(uint64_t hash) {
  return (hash ^ hash >> 32) * kOddA;
}

// May say of a name that is not listed that it may be, never of a listed one
// that it is not; a damaged page says so of all. Thread-safe. Borrows.
class NameFilter {
 public:
  NameFilter(std::span<const uint8_t> section, std::span<const uint8_t> digests)
      : bytes_(section.data()),
        blocks_(section.size() / kFilterBlockBytes),
        guard_(section, digests) {}

  // Whether a section of this size can be one, and its digests are complete.
  static bool IsSize(uint64_t bytes) {
    return bytes > 0 && bytes % kFilterBlockBytes == 0 &&
           bytes / kFilterBlockBytes <= UINT32_MAX;
  }
  bool IsComplete() const { return guard_.IsComplete(); }

  bool MayHave(uint64_t hash) const {
    const uint64_t at = FilterBlockAt(hash, blocks_);
    if (!guard_.Vouches(at, kFilterBlockBytes)) return true;
    const uint64_t bits = FilterBitsOf(hash);
    unsigned all = 1;
    for (int i = 0; i < kFilterBits; ++i) {
      const uint64_t bit = bits >> (64 - 9 * (i + 1)) & 511;
      all &= static_cast<unsigned>(bytes_[at + (bit >> 3)]) >> (bit & 7);
    }
    return (all & 1) != 0;
  }

  // How often a page was refused.
  uint64_t refusals() const { return guard_.refusals(); }

 private:
  const uint8_t* bytes_;
  uint64_t blocks_;
  PageGuard guard_;
};

// For so many names; nothing in it yet.
std::string EmptyFilter(uint64_t names);

// Numbers of the bits that a name has in a filter of so many bytes.
std::array<uint64_t, kFilterBits> FilterBitsIn(uint64_t filter_bytes,
                                               uint64_t hash);

inline void SetBit(uint64_t bit, std::span<uint8_t> bytes) {
  bytes[bit >> 3] = static_cast<uint8_t>(bytes[bit >> 3] | 1 << (bit & 7));
}

}  // namespace schoolgate::rules
