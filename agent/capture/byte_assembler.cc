#include "agent/capture/byte_assembler.h"

#include <algorithm>
#include <cstring>

namespace schoolgate::agent {

void ByteAssembler::Fill(size_t begin, size_t end, size_t offset, Bytes piece) {
  if (begin < end) {
    std::memcpy(bytes_.data() + begin, piece.data() + (begin - offset),
                end - begin);
  }
}

bool ByteAssembler::Insert(size_t offset, Bytes piece) {
  if (piece.empty()) return true;
  if (offset > max_bytes_ || piece.size() > max_bytes_ - offset) return false;
  const size_t end = offset + piece.size();

  auto first = std::lower_bound(
      islands_.begin(), islands_.end(), offset,
      [](const Island& island, size_t at) { return island.end < at; });
  auto last = first;
  while (last != islands_.end() && last->begin <= end) ++last;
  if (first == last && islands_.size() >= kMaxHoles) return false;

  if (end > bytes_.capacity()) {
    bytes_.reserve(std::min(max_bytes_, std::max(end, 2 * bytes_.capacity())));
  }
  if (end > bytes_.size()) bytes_.resize(end);
  size_t at = offset;
  for (auto island = first; island != last; ++island) {
    Fill(at, std::min(island->begin, end), offset, piece);
    at = std::max(at, island->end);
  }
  Fill(at, end, offset, piece);

  if (first == last) {
    islands_.insert(first, {offset, end});
    return true;
  }
  first->begin = std::min(first->begin, offset);
  first->end = std::max((last - 1)->end, end);
  islands_.erase(first + 1, last);
  return true;
}

bool ByteAssembler::Agrees(size_t offset, Bytes piece) const {
  const size_t end = offset + piece.size();
  for (const Island& island : islands_) {
    const size_t from = std::max(offset, island.begin);
    const size_t to = std::min(end, island.end);
    if (from < to &&
        std::memcmp(bytes_.data() + from, piece.data() + (from - offset),
                    to - from) != 0) {
      return false;
    }
  }
  return true;
}

bool ByteAssembler::Prepend(size_t count) {
  if (count > max_bytes_ || bytes_.size() > max_bytes_ - count) return false;
  bytes_.insert(bytes_.begin(), count, 0);
  for (Island& island : islands_) {
    island.begin += count;
    island.end += count;
  }
  return true;
}

void ByteAssembler::Consume(size_t count) {
  count = std::min(count, bytes_.size());
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<long>(count));
  size_t kept = 0;
  for (Island island : islands_) {
    if (island.end <= count) continue;
    island.begin = island.begin > count ? island.begin - count : 0;
    island.end -= count;
    islands_[kept++] = island;
  }
  islands_.resize(kept);
}

Bytes ByteAssembler::From(size_t offset) const {
  for (const Island& island : islands_) {
    if (offset < island.begin) break;
    if (offset < island.end) {
      return {bytes_.data() + offset, island.end - offset};
    }
  }
  return {};
}

void ByteAssembler::Clear() {
  bytes_.clear();
  islands_.clear();
}

}  // namespace schoolgate::agent
