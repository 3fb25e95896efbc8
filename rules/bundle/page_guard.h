// Lets nobody read a page of a mapped file that is not what was signed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace schoolgate::rules {

// Hashes a page when it is first asked about, and remembers. Thread-safe.
// Borrows its bytes.
class PageGuard {
 public:
  // `digests` has one PageDigest for each page of `bytes`, the last of which
  // may be cut. False from IsComplete when it has not.
  PageGuard(std::span<const uint8_t> bytes, std::span<const uint8_t> digests);

  static std::string DigestsOf(std::span<const uint8_t> bytes);

  bool IsComplete() const;

  // How many bytes the digests of so many bytes take.
  static uint64_t DigestBytes(uint64_t bytes);

  // Whether the pages with bytes `begin` to `begin + size` are good. What lies
  // behind the end counts as good.
  bool Vouches(uint64_t begin, uint64_t size) const {
    const uint64_t last = (begin + size - 1) >> kShift;
    for (uint64_t page = begin >> kShift; page <= last; ++page) {
      if (page >= pages_) break;
      const uint64_t bit = uint64_t{1} << (page & 63);
      if ((good_[page >> 6].load(std::memory_order_relaxed) & bit) == 0 &&
          !Check(page)) {
        return false;
      }
    }
    return true;
  }

  // How often a page was refused.
  uint64_t refusals() const {
    return refusals_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr int kShift = 12;
  bool Check(uint64_t page) const;

  std::span<const uint8_t> bytes_;
  std::span<const uint8_t> digests_;
  uint64_t pages_;
  std::unique_ptr<std::atomic<uint64_t>[]> good_;
  mutable std::atomic<uint64_t> refusals_ = 0;
};

}  // namespace schoolgate::rules
