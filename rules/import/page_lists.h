// What a folder of lists says of pages, beside its CATEGORY.txt files.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "proto/policy.pb.h"

namespace schoolgate::rules {

// "embedded-sites.tsv": a site a line that other sites' pages bring in.
// "page-pairs.tsv": a page's site, a tab, the site that it brings in. In both
// "#" begins a comment. Either may be missing. INVALID_ARGUMENT names file and
// line.
absl::StatusOr<v1::PageKnowledge> ReadPageLists(const std::string& folder);

}  // namespace schoolgate::rules
