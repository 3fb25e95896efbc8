// Takes the schools' policies from the rule bundles that were published.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/fleet/bundle_shelf.h"
#include "collector/policy/school_policies.h"
#include "collector/store/audit_log.h"
#include "rules/trust/trust_root.h"

namespace schoolgate::collector {

// Not thread-safe. Borrows all for life. A release in rings counts once all
// devices are offered it.
class PoliciesInForce {
 public:
  // NOT_FOUND: no root is stored here, what was published was checked then.
  using RootSource = std::function<absl::StatusOr<rules::TrustRoot>()>;

  PoliciesInForce(const BundleShelf& shelf, RootSource root, AuditLog& audit,
                  SchoolPolicies& policies)
      : shelf_(shelf),
        root_(std::move(root)),
        audit_(audit),
        policies_(policies) {}

  // Costs one small file when nothing was published. A bundle that is not
  // properly signed or is damaged is told in the journal and the policy before
  // it stays. One line in the audit log when a policy takes effect for the
  // first time, none when the collector only starts again.
  void Refresh(absl::Time now);

 private:
  absl::StatusOr<v1::CompiledPolicy> Read(const ShelvedBundle& bundle,
                                          bool known) const;
  absl::Status Take(const std::string& school, const ShelvedBundle& bundle,
                    absl::Time now);

  const BundleShelf& shelf_;
  const RootSource root_;
  AuditLog& audit_;
  SchoolPolicies& policies_;
  std::string mark_;
  std::map<std::string, std::string> tried_;  // hash, by school
};

// "city-primary: 11 routes, 5 thresholds, 32 sanctions rows; contacts kept 30
// days, cases 365 days".
std::string PolicySummary(const v1::CompiledPolicy& policy);

}  // namespace schoolgate::collector
