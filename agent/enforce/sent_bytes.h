// What one end of a connection has sent lately. A kernel sends lost bytes again
// as they were, unless the program has only lent them to it (vmsplice, zero
// copy) and changes them meanwhile: then the server may read another name than
// the one that was judged.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace schoolgate::agent {

// Not thread-safe.
class SentBytes {
 public:
  // As much as a kernel has on its way before anything was acknowledged: ten
  // segments.
  static constexpr size_t kKept = 16 << 10;

  // Takes a segment's payload. False when other bytes were sent in its place
  // before.
  bool Add(uint32_t sequence, std::span<const uint8_t> payload);

 private:
  uint32_t begin_ = 0;  // the sequence number of the first byte kept
  std::vector<uint8_t> kept_;
};

}  // namespace schoolgate::agent
