#include "rules/bundle/name_filter.h"

#include <algorithm>

namespace schoolgate::rules {

std::string EmptyFilter(uint64_t names) {
  const uint64_t block_bits = kFilterBlockBytes * 8;
  const uint64_t blocks = (names * kFilterShare + block_bits - 1) / block_bits;
  return std::string(std::max<uint64_t>(blocks, 1) * kFilterBlockBytes, '\0');
}

std::array<uint64_t, kFilterBits> FilterBitsIn(uint64_t filter_bytes,
                                               uint64_t hash) {
  const uint64_t at = FilterBlockAt(hash, filter_bytes / kFilterBlockBytes) * 8;
  const uint64_t bits = FilterBitsOf(hash);
  std::array<uint64_t, kFilterBits> numbers = {};
  for (int i = 0; i < kFilterBits; ++i) {
    numbers[i] = at + (bits >> (64 - 9 * (i + 1)) & 511);
  }
  return numbers;
}

}  // namespace schoolgate::rules
