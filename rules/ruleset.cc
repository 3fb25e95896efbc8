#include "rules/ruleset.h"

#include "absl/strings/str_cat.h"
#include "rules/bundle/bundle_index.h"
#include "rules/bundle/listed_alone.h"

namespace schoolgate::rules {

Ruleset::Ruleset() = default;
Ruleset::~Ruleset() = default;

absl::StatusOr<std::shared_ptr<const Ruleset>> Ruleset::Open(
    const std::string& path) {
  auto file = BundleFile::Open(path);
  if (!file.ok()) return file.status();
  return FromFile(*std::move(file));
}

absl::StatusOr<std::shared_ptr<const Ruleset>> Ruleset::FromFile(
    std::shared_ptr<const BundleFile> file) {
  std::shared_ptr<Ruleset> rules(new Ruleset);
  rules->file_ = std::move(file);
  for (const std::string_view name :
       {"policy", "lists", "model", "directory", "pages"}) {
    if (auto status = rules->file_->VerifySection(name); !status.ok()) {
      return status;
    }
  }
  const auto policy = *rules->file_->Section("policy");
  v1::CompiledPolicy compiled;
  if (!compiled.ParseFromArray(policy.data(),
                               static_cast<int>(policy.size()))) {
    return absl::InvalidArgumentError(absl::StrCat(
        rules->file_->path(), ": its policy cannot be read: build it again"));
  }
  auto tables = PolicyTables::Make(std::move(compiled));
  if (!tables.ok()) {
    return absl::Status(
        tables.status().code(),
        absl::StrCat(rules->file_->path(), ": ", tables.status().message()));
  }
  rules->tables_ = *std::move(tables);
  const auto lists = *rules->file_->Section("lists");
  if (!rules->lists_.ParseFromArray(lists.data(),
                                    static_cast<int>(lists.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat(rules->file_->path(),
                     ": its list of sources cannot be read: build it again"));
  }
  const auto sections = IndexSectionsOf(*rules->file_);
  if (!sections.ok()) return sections.status();
  auto index = CategoryIndex::Open(*sections);
  if (!index.ok()) {
    return absl::Status(
        index.status().code(),
        absl::StrCat(rules->file_->path(), ": ", index.status().message(),
                     ": build it again"));
  }
  rules->index_ = *std::move(index);
  return rules;
}

std::shared_ptr<const Ruleset> Ruleset::WithOverlays(
    v1::Overlays overlays) const {
  std::shared_ptr<Ruleset> rules(new Ruleset);
  rules->file_ = file_;
  rules->tables_ = tables_;
  rules->lists_ = lists_;
  rules->overlays_ = std::move(overlays);
  rules->index_ = index_;
  return rules;
}

std::vector<std::string> Ruleset::Categories(std::string_view host) const {
  std::vector<std::string> ids;
  const auto name = HostName::Parse(host);
  if (!name.has_value()) return ids;
  ListedAlone(*index_, lists_).Categories(*name).ForEach([&](int category) {
    ids.push_back(index_->categories()[category]);
  });
  return ids;
}

}  // namespace schoolgate::rules
