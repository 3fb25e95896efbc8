// Hashes of names, label by label from the right: what the filter and the
// table of roots look up. docs/bundle-format.md, section 4.8.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "rules/bundle/host_name.h"

namespace schoolgate::rules {

inline constexpr uint64_t kOddA = 0x9e3779b97f4a7c15;
inline constexpr uint64_t kOddB = 0xbf58476d1ce4e5b9;
inline constexpr uint64_t kOddC = 0x94d049bb133111eb;

// A name and all suffixes of it at a label, shortest first. Meant for the
// stack.
struct SuffixHashes {
  int count = 0;
  std::array<uint64_t, 128> hash;
  std::array<uint8_t, 128> begin;  // of the suffix in the name
};

// A byte's top bit is set where `word` has a dot.
inline uint64_t DotsIn(uint64_t word) {
  constexpr uint64_t kLow7 = 0x7f7f7f7f7f7f7f7f;
  word ^= 0x2e2e2e2e2e2e2e2e;
  return ~(((word & kLow7) + kLow7) | word | kLow7);
}

// Of the suffix that has a label of `size` > 0 bytes in front of a suffix with
// hash `above`. Up to 8 bytes behind the label are read.
inline uint64_t HashLabel(const char* label, size_t size, uint64_t above) {
  uint64_t hash = (above ^ size) * kOddA;
  uint64_t word;
  for (; size > 8; size -= 8, label += 8) {
    std::memcpy(&word, label, 8);
    hash = (hash ^ word) * kOddB;
    hash ^= hash >> 32;
  }
  std::memcpy(&word, label, 8);
  hash = (hash ^ (word & ~uint64_t{0} >> ((64 - 8 * size) & 63))) * kOddC;
  return hash ^ hash >> 29;
}

// `text` is that of a HostName, followed by kHostSlack bytes that may be read.
// An address is one suffix.
inline void HashSuffixes(const char* text, size_t size, bool is_address,
                         SuffixHashes* out) {
  out->count = 0;
  if (size == 0) return;
  uint64_t hash = 0;
  size_t end = size;
  const auto add = [&](size_t begin) {
    if (out->count == static_cast<int>(out->hash.size())) return;  // no host
    hash = HashLabel(text + begin, end - begin, hash);
    out->hash[out->count] = hash;
    out->begin[out->count++] = static_cast<uint8_t>(begin);
  };
  for (size_t at = (size - 1) / 8 * 8; !is_address; at -= 8) {
    uint64_t word;
    std::memcpy(&word, text + at, 8);
    uint64_t dots = DotsIn(word);
    if (size - at < 8) dots &= (uint64_t{1} << (8 * (size - at))) - 1;
    while (dots != 0) {
      const size_t dot = at + static_cast<size_t>(std::bit_width(dots) - 1) / 8;
      add(dot + 1);
      end = dot;
      dots &= ~(uint64_t{0xff} << (dot - at) * 8);
    }
    if (at == 0) break;
  }
  add(0);
}

inline void HashSuffixes(const HostName& host, SuffixHashes* out) {
  HashSuffixes(host.text().data(), host.text().size(), host.is_address(), out);
}

// The same for a HostName's text that lies elsewhere.
inline void HashSuffixes(std::string_view name, bool is_address,
                         SuffixHashes* out) {
  char text[kHostLimit + kHostSlack];
  const size_t size = name.size() < kHostLimit ? name.size() : kHostLimit;
  std::memcpy(text, name.data(), size);
  std::memset(text + size, 0, kHostSlack);
  HashSuffixes(text, size, is_address, out);
}

// Of the whole name.
inline uint64_t HashName(std::string_view name, bool is_address) {
  SuffixHashes suffixes;
  HashSuffixes(name, is_address, &suffixes);
  return suffixes.count > 0 ? suffixes.hash[suffixes.count - 1] : 0;
}

}  // namespace schoolgate::rules
