// Section "directory": what the index holds and where its buckets begin.
// docs/bundle-format.md, section 4.4.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/bundle/category_set.h"

namespace schoolgate::rules {

inline constexpr uint16_t kNoSet = 0xffff;

// While an index is written.
struct DirectoryParts {
  uint64_t entries = 0;
  std::vector<std::string> categories;     // ascending
  std::vector<CategorySet> sets;           // fewer than kNoSet
  std::map<uint16_t, uint16_t> root_sets;  // root -> set: roots that are listed
  std::vector<uint32_t> bucket_begins;     // in section "index"
};

std::string SerialiseDirectory(const DirectoryParts& parts);

// Immutable. Borrows the section's bytes.
class IndexDirectory {
 public:
  // INVALID_ARGUMENT when they are no directory for so many buckets, roots
  // and bytes of buckets.
  static absl::StatusOr<IndexDirectory> Parse(std::span<const uint8_t> section,
                                              uint64_t buckets, size_t roots,
                                              uint64_t index_bytes);

  uint64_t entries() const { return entries_; }
  const std::vector<std::string>& categories() const { return categories_; }
  const std::vector<CategorySet>& sets() const { return sets_; }

  // kNoSet: the root is not listed itself.
  uint16_t root_set(uint16_t root) const { return root_sets_[root]; }

  // Where a bucket begins; no more than the bytes of buckets there are.
  uint64_t BucketBegin(uint64_t bucket) const;

 private:
  uint64_t entries_ = 0;
  std::vector<std::string> categories_;
  std::vector<CategorySet> sets_;
  std::vector<uint16_t> root_sets_;
  std::span<const uint8_t> begins_;  // of groups
  std::span<const uint8_t> wide_;    // of crowded groups
  uint64_t index_bytes_ = 0;
};

}  // namespace schoolgate::rules
