#include "agent/enforce/sent_bytes.h"

#include <algorithm>

namespace schoolgate::agent {

bool SentBytes::Add(uint32_t sequence, std::span<const uint8_t> payload) {
  if (kept_.empty()) begin_ = sequence;
  const auto offset = int64_t{static_cast<int32_t>(sequence - begin_)};
  const auto end = offset + static_cast<int64_t>(payload.size());
  const auto kept = static_cast<int64_t>(kept_.size());
  const int64_t from = std::max<int64_t>(offset, 0);
  const int64_t to = std::min(end, kept);
  if (from < to && !std::equal(kept_.begin() + from, kept_.begin() + to,
                               payload.begin() + (from - offset))) {
    return false;
  }
  // What comes before its turn is compared when it comes again.
  if (from > kept || end <= kept) return true;
  kept_.insert(kept_.end(), payload.begin() + (kept - offset), payload.end());
  if (kept_.size() > kKept) {
    const size_t old = kept_.size() - kKept;
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(old));
    begin_ += static_cast<uint32_t>(old);
  }
  return true;
}

}  // namespace schoolgate::agent
