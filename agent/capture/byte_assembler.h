// Puts pieces of a message back in order: TCP segments, CRYPTO frames, IP
// fragments. What arrived first stays; later bytes only fill holes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/capture/byte_reader.h"

namespace schoolgate::agent {

// Not thread-safe.
class ByteAssembler {
 public:
  // A piece that reaches beyond `max_bytes`, or would make more than
  // kMaxHoles islands, is refused.
  static constexpr size_t kMaxHoles = 256;
  static constexpr size_t kMaxBytes = 65536;  // unless told otherwise

  ByteAssembler() = default;
  explicit ByteAssembler(size_t max_bytes) : max_bytes_(max_bytes) {}

  // False when a limit refuses the piece; what is there stays good.
  bool Insert(size_t offset, Bytes piece);

  // Whether no byte of `piece` differs from one that is there.
  bool Agrees(size_t offset, Bytes piece) const;

  // Moves everything `count` bytes up, so that earlier bytes fit in front.
  // False when the result would be too long.
  bool Prepend(size_t count);

  // Drops the first `count` bytes.
  void Consume(size_t count);

  // The unbroken run of bytes from `offset`. Valid until the next change.
  Bytes From(size_t offset) const;

  // The first byte that is known; end() when there is none.
  size_t first() const {
    return islands_.empty() ? bytes_.size() : islands_.front().begin;
  }

  // One past the last byte that is known, holes or not.
  size_t end() const { return bytes_.size(); }
  size_t held_bytes() const {
    return bytes_.capacity() + islands_.capacity() * sizeof(Island);
  }
  bool empty() const { return islands_.empty(); }
  void Clear();

 private:
  struct Island {
    size_t begin;
    size_t end;
  };

  void Fill(size_t begin, size_t end, size_t offset, Bytes piece);

  size_t max_bytes_ = kMaxBytes;
  std::vector<uint8_t> bytes_;
  std::vector<Island> islands_;  // sorted, disjoint, never touching
};

}  // namespace schoolgate::agent
