#include "collector/store/stream_progress.h"

#include <algorithm>
#include <iterator>

namespace schoolgate::collector {
namespace {

constexpr size_t kNumberBytes = 8;

void PutNumber(uint64_t number, std::string* out) {
  for (size_t i = 0; i < kNumberBytes; ++i) {
    out->push_back(static_cast<char>(number >> (8 * i)));
  }
}

uint64_t GetNumber(std::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) {
    number |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return number;
}

}  // namespace

bool StreamProgress::Has(uint64_t sequence) const {
  if (sequence <= durable_) return true;
  const auto after = above_.upper_bound(sequence);
  return after != above_.begin() && std::prev(after)->second >= sequence;
}

bool StreamProgress::Add(uint64_t first, uint64_t last) {
  // UINT64_MAX is kept out so that `last + 1` below cannot wrap.
  if (first == 0 || last < first || last == UINT64_MAX) return false;
  if (last <= durable_) return true;
  first = std::max(first, durable_ + 1);
  auto next = above_.upper_bound(first);
  const bool joins_before =
      next != above_.begin() && std::prev(next)->second + 1 >= first;
  if (joins_before) {
    --next;
    first = next->first;
  }
  while (next != above_.end() && next->first <= last + 1) {
    last = std::max(last, next->second);
    next = above_.erase(next);
  }
  if (first == durable_ + 1) {
    durable_ = last;
  } else {
    above_.emplace(first, last);
  }
  // What follows the frontier without a hole belongs to it.
  while (!above_.empty() && (above_.begin()->first <= durable_ + 1 ||
                             above_.size() > kMaxRanges)) {
    durable_ = std::max(durable_, above_.begin()->second);
    above_.erase(above_.begin());
  }
  return true;
}

std::string StreamProgress::Ranges() const {
  std::string out;
  for (const auto& [first, last] : above_) {
    PutNumber(first, &out);
    PutNumber(last, &out);
  }
  return out;
}

std::optional<StreamProgress> StreamProgress::From(uint64_t durable,
                                                   std::string_view ranges) {
  if (ranges.size() % (2 * kNumberBytes) != 0) return std::nullopt;
  StreamProgress progress;
  progress.durable_ = durable;
  for (; !ranges.empty(); ranges.remove_prefix(2 * kNumberBytes)) {
    if (!progress.Add(GetNumber(ranges),
                      GetNumber(ranges.substr(kNumberBytes)))) {
      return std::nullopt;
    }
  }
  return progress;
}

}  // namespace schoolgate::collector
