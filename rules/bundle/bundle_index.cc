#include "rules/bundle/bundle_index.h"

#include "absl/strings/str_cat.h"

namespace schoolgate::rules {

absl::StatusOr<IndexSections> IndexSectionsOf(const BundleFile& file) {
  for (const std::string_view name : kIndexSections) {
    if (file.Section(name).has_value()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        file.path(), ": it has no section ",
        absl::string_view(name.data(), name.size()), ": build it again"));
  }
  return IndexSections{*file.Section("model"), *file.Section("directory"),
                       *file.Section("index"), *file.Section("filter"),
                       *file.Section("pages")};
}

void AppendIndexSections(const IndexBytes& index,
                         std::vector<SectionBytes>* sections) {
  const IndexSections bytes = index.sections();
  sections->push_back({"model", bytes.model});
  sections->push_back({"index", bytes.index});
  sections->push_back({"filter", bytes.filter});
  sections->push_back({"directory", bytes.directory});
  sections->push_back({"pages", bytes.pages});
}

}  // namespace schoolgate::rules
