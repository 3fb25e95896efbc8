// Builds the sections that CategoryIndex reads.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/bundle/category_index.h"

namespace schoolgate::rules {

struct IndexBytes {
  std::string model;
  std::string directory;
  std::string index;
  std::string filter;
  std::string pages;

  // Valid as long as this object is not touched.
  IndexSections sections() const;
};

// The order of `entries` does not matter; no name may occur twice, no set may
// be empty. `categories` are ascending. With a `base` its model, filter and set
// numbers are kept and added to, so that a delta between the two is small;
// without, they are fitted to the entries. RESOURCE_EXHAUSTED: more entries
// share a place than a bucket takes, or there are too many different sets.
absl::StatusOr<IndexBytes> BuildIndex(
    const std::vector<std::string>& categories,
    const std::vector<IndexEntry>& entries, const CategoryIndex* base);

// Numbers of the sets of an index: those of the base, then new ones in
// ascending order; without a base by falling use.
class SetNumbers {
 public:
  SetNumbers(const std::vector<std::string>& categories,
             const std::map<CategorySet, uint64_t>& uses,
             const CategoryIndex* base);

  uint32_t NumberOf(const CategorySet& set) const {
    return number_.find(set)->second;
  }
  const std::vector<CategorySet>& sets() const { return sets_; }

 private:
  std::vector<CategorySet> sets_;
  std::map<CategorySet, uint32_t> number_;
};

}  // namespace schoolgate::rules
