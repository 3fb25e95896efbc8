// What gets looser from one policy and index to another. Whatever cannot be
// shown to be a tightening, or to be without effect, counts as loosening: the
// cost of a doubt is a second signature.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/bundle/bundle_file.h"

namespace schoolgate::rules {

struct Loosenings {
  std::vector<std::string> looser;    // plain words, at most kMaxListed
  std::vector<std::string> unlocked;  // taken from the locked list
  uint64_t looser_count = 0;
  uint64_t unlocked_count = 0;
};

inline constexpr size_t kMaxListed = 20;

// DATA_LOSS when one of the two cannot be read.
absl::StatusOr<Loosenings> CompareBundles(const BundleFile& before,
                                          const BundleFile& after);

}  // namespace schoolgate::rules
