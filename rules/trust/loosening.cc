#include "rules/trust/loosening.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "rules/bundle/bundle_index.h"
#include "rules/policy/tables.h"
#include "rules/trust/index_compare.h"
#include "rules/trust/known_answers.h"
#include "rules/trust/refusal.h"

namespace schoolgate::rules {
namespace {

// A bundle's policy and index, opened.
struct Opened {
  std::shared_ptr<const PolicyTables> tables;
  std::unique_ptr<CategoryIndex> index;
  v1::BundleLists lists;
};

absl::StatusOr<Opened> OpenBoth(const BundleFile& file) {
  const auto policy_bytes = file.Section("policy");
  if (!policy_bytes.has_value()) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": lacks the section policy"));
  }
  const auto sections = IndexSectionsOf(file);
  if (!sections.ok()) {
    return absl::DataLossError(sections.status().message());
  }
  v1::CompiledPolicy policy;
  if (!policy.ParseFromArray(policy_bytes->data(),
                             static_cast<int>(policy_bytes->size()))) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": its policy cannot be read"));
  }
  Opened opened;
  auto tables = PolicyTables::Make(std::move(policy));
  if (!tables.ok()) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": ", tables.status().message()));
  }
  opened.tables = *std::move(tables);
  auto index = CategoryIndex::Open(*sections);
  if (!index.ok()) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": ", index.status().message()));
  }
  opened.index = *std::move(index);
  if (const auto lists = file.Section("lists");
      lists && !opened.lists.ParseFromArray(lists->data(),
                                            static_cast<int>(lists->size()))) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": its list of sources cannot be read"));
  }
  return opened;
}

bool SameIndex(const BundleFile& before, const BundleFile& after) {
  return std::all_of(std::begin(kIndexSections), std::end(kIndexSections),
                     [&](std::string_view name) {
                       const auto was = before.Section(name);
                       const auto is = after.Section(name);
                       return was && is &&
                              std::equal(was->begin(), was->end(), is->begin(),
                                         is->end());
                     });
}

absl::Status BadContent(const absl::Status& status) {
  return Refuse(Refusal::kBadContent, std::string(status.message()));
}

}  // namespace

absl::Status CheckReadable(const BundleFile& file) {
  const auto opened = OpenBoth(file);
  if (!opened.ok()) return BadContent(opened.status());
  const absl::Status status = AskKnown(*opened->index, opened->lists);
  return status.ok() ? status : BadContent(status);
}

absl::StatusOr<Loosenings> CompareBundles(const BundleFile& before,
                                          const BundleFile& after,
                                          Depth depth) {
  const auto was = OpenBoth(before);
  if (!was.ok()) return was.status();
  const auto is = OpenBoth(after);
  if (!is.ok()) return BadContent(is.status());
  Loosenings found;
  ComparePolicies(*was->tables, *is->tables, &found);
  const ListedAlone listed_before(*was->index, was->lists);
  const ListedAlone listed_after(*is->index, is->lists);
  if (SameIndex(before, after) && listed_before.Names().empty() &&
      listed_after.Names().empty()) {
    return found;
  }
  absl::Status status = CompareIndexes(*was->tables, listed_before, *is->tables,
                                       listed_after, depth, &found);
  if (!status.ok()) return BadContent(status);
  return found;
}

}  // namespace schoolgate::rules
