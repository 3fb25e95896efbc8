// An opened rule bundle with the overlays in force: what a device enforces.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/bundle.pb.h"
#include "proto/policy.pb.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {

class CategoryIndex;

// Immutable and thread-safe; share it as shared_ptr<const Ruleset> and swap
// the pointer to change rules.
class Ruleset {
 public:
  // Maps the bundle file and reads its policy. Signatures are not this
  // class's business: rules/trust decides whether a file may be opened.
  // INVALID_ARGUMENT or DATA_LOSS name the file and what is wrong with it.
  static absl::StatusOr<std::shared_ptr<const Ruleset>> Open(
      const std::string& path);

  ~Ruleset();
  Ruleset(const Ruleset&) = delete;
  Ruleset& operator=(const Ruleset&) = delete;

  const v1::BundleManifest& manifest() const { return manifest_; }
  const v1::CompiledPolicy& policy() const { return tables_->policy(); }
  const CategoryIndex& index() const { return *index_; }

  // The policy laid out for look-up; made once by Open with
  // PolicyTables::Make. What Make refuses, Open refuses.
  const PolicyTables& tables() const { return *tables_; }

  // Emergency blocks and lesson passes in force. Who may issue them is
  // rules/trust's business; a Ruleset believes what it is given.
  const v1::Overlays& overlays() const { return overlays_; }

  // The same bundle with other overlays. Cheap: nothing is read or copied but
  // the overlays.
  std::shared_ptr<const Ruleset> WithOverlays(v1::Overlays overlays) const;

  // Ids of the categories that the host or a suffix of it is listed under.
  std::vector<std::string> Categories(std::string_view host) const;

 private:
  Ruleset();

  v1::BundleManifest manifest_;
  std::shared_ptr<const CategoryIndex> index_;
  std::shared_ptr<const PolicyTables> tables_;
  v1::Overlays overlays_;
};

}  // namespace schoolgate::rules
