// An opened rule bundle with the overlays in force: what a device enforces.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/bundle.pb.h"
#include "proto/policy.pb.h"
#include "rules/bundle/bundle_file.h"
#include "rules/bundle/category_index.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {

// Immutable and thread-safe; share it as shared_ptr<const Ruleset> and swap
// the pointer to change rules.
class Ruleset {
 public:
  // Maps the bundle file and reads its policy. Signatures are not this
  // class's business: rules/trust decides whether a file may be opened.
  // INVALID_ARGUMENT or DATA_LOSS name the file and what is wrong with it.
  static absl::StatusOr<std::shared_ptr<const Ruleset>> Open(
      const std::string& path);

  // The same from a file that is open already, for instance because its
  // signatures were checked.
  static absl::StatusOr<std::shared_ptr<const Ruleset>> FromFile(
      std::shared_ptr<const BundleFile> file);

  ~Ruleset();
  Ruleset(const Ruleset&) = delete;
  Ruleset& operator=(const Ruleset&) = delete;

  const v1::BundleManifest& manifest() const { return file_->manifest(); }
  const v1::CompiledPolicy& policy() const { return tables_->policy(); }
  const CategoryIndex& index() const { return *index_; }
  const v1::BundleLists& lists() const { return lists_; }
  const BundleFile& file() const { return *file_; }

  // The policy laid out for look-up, which Decide consults. Open makes it with
  // PolicyTables::Make; what Make refuses, Open refuses.
  const PolicyTables& tables() const { return *tables_; }

  // Lesson passes and emergency blocks in force. Empty when just opened.
  const v1::Overlays& overlays() const { return overlays_; }

  // The same rules under other overlays; the index is shared, not copied.
  // Whoever calls has checked the overlays' signatures.
  std::shared_ptr<const Ruleset> WithOverlays(v1::Overlays overlays) const;

  // Ids of the categories that the host or a suffix of it is listed under,
  // sorted. Nothing for what is no host.
  std::vector<std::string> Categories(std::string_view host) const;

 private:
  Ruleset();

  std::shared_ptr<const BundleFile> file_;
  std::shared_ptr<const PolicyTables> tables_;
  v1::BundleLists lists_;
  v1::Overlays overlays_;
  std::shared_ptr<const CategoryIndex> index_;
};

}  // namespace schoolgate::rules
