#include "rules/bundle/page_guard.h"

#include <algorithm>
#include <cstring>

#include "rules/bundle/digest.h"
#include "rules/bundle/little_endian.h"

namespace schoolgate::rules {

PageGuard::PageGuard(std::span<const uint8_t> bytes,
                     std::span<const uint8_t> digests)
    : bytes_(bytes),
      digests_(digests),
      pages_((bytes.size() + (1 << kShift) - 1) >> kShift),
      good_(new std::atomic<uint64_t>[pages_ / 64 + 1]()) {}

std::string PageGuard::DigestsOf(std::span<const uint8_t> bytes) {
  std::string digests;
  while (!bytes.empty()) {
    const size_t size = std::min<size_t>(bytes.size(), 1 << kShift);
    digests += AsText(DigestPage(bytes.first(size)));
    bytes = bytes.subspan(size);
  }
  return digests;
}

uint64_t PageGuard::DigestBytes(uint64_t bytes) {
  return ((bytes + (1 << kShift) - 1) >> kShift) * sizeof(PageDigest);
}

bool PageGuard::IsComplete() const {
  return digests_.size() == DigestBytes(bytes_.size());
}

bool PageGuard::Check(uint64_t page) const {
  const uint64_t begin = page << kShift;
  const PageDigest found = DigestPage(bytes_.subspan(
      begin, std::min<uint64_t>(bytes_.size() - begin, 1 << kShift)));
  if (std::memcmp(found.data(), &digests_[page * found.size()], found.size()) !=
      0) {
    refusals_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  good_[page >> 6].fetch_or(uint64_t{1} << (page & 63),
                            std::memory_order_relaxed);
  return true;
}

}  // namespace schoolgate::rules
