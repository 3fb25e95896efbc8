#include "rules/trust/loosening.h"

#include <algorithm>

namespace schoolgate::rules {
namespace {

bool SameSection(const BundleFile& before, const BundleFile& after,
                 std::string_view name) {
  const auto old_bytes = before.Section(name);
  const auto new_bytes = after.Section(name);
  if (!old_bytes || !new_bytes) return !old_bytes && !new_bytes;
  return std::equal(old_bytes->begin(), old_bytes->end(), new_bytes->begin(),
                    new_bytes->end());
}

}  // namespace

absl::StatusOr<Loosenings> CompareBundles(const BundleFile& before,
                                          const BundleFile& after) {
  Loosenings found;
  for (const std::string_view name : {"policy", "index"}) {
    if (SameSection(before, after, name)) continue;
    found.looser.push_back(std::string(name) + " differs");
    ++found.looser_count;
  }
  return found;
}

}  // namespace schoolgate::rules
