// The sections of a bundle file that make its index.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "rules/bundle/bundle_file.h"
#include "rules/bundle/category_index.h"
#include "rules/bundle/index_writer.h"

namespace schoolgate::rules {

// As they lie in the file.
inline constexpr std::string_view kIndexSections[] = {
    "model", "index", "filter", "directory", "pages"};

// What CategoryIndex wants verified before it is opened.
inline constexpr std::string_view kIndexHeadSections[] = {"model", "directory",
                                                          "pages"};

// Borrowed from the file. INVALID_ARGUMENT names the section that it lacks.
absl::StatusOr<IndexSections> IndexSectionsOf(const BundleFile& file);

// For WriteBundle; they borrow from `index`.
void AppendIndexSections(const IndexBytes& index,
                         std::vector<SectionBytes>* sections);

}  // namespace schoolgate::rules
