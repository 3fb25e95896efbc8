#include "collector/fleet/policies_in_force.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/fleet/journal.h"
#include "collector/policy/retention.h"
#include "rules/trust/bundle_check.h"

namespace schoolgate::collector {
namespace {

constexpr char kSection[] = "policy";

std::string Days(absl::Duration time) {
  return time == absl::ZeroDuration()
             ? "as set up"
             : absl::StrCat(absl::ToInt64Hours(time) / 24, " days");
}

}  // namespace

std::string PolicySummary(const v1::CompiledPolicy& policy) {
  const Retention keep = RetentionBy(&policy, {});
  return absl::StrCat(
      policy.id(), ": ", policy.routes_size(), " routes, ",
      policy.thresholds_size(), " thresholds, ", policy.sanctions_size(),
      " sanctions rows; kept: contacts ", Days(keep.contacts), ", health ",
      Days(keep.health), ", cases ", Days(keep.cases));
}

void PoliciesInForce::Refresh(absl::Time now) {
  const std::string mark = shelf_.ChangeMark();
  if (mark == mark_) return;
  mark_ = mark;
  for (const std::string& school : shelf_.Schools()) {
    const std::optional<ShelvedBundle> bundle = shelf_.Label(school);
    if (!bundle ||
        std::exchange(tried_[school], bundle->hash) == bundle->hash) {
      continue;
    }
    const absl::Status taken = Take(school, *bundle, now);
    if (taken.ok()) continue;
    Log(Level::kError, "policy_not_taken",
        {{"school", school.empty() ? "all" : school},
         {"why", std::string(taken.message())},
         {"what", "the policy before it goes on"}});
  }
}

absl::StatusOr<v1::CompiledPolicy> PoliciesInForce::Read(
    const ShelvedBundle& bundle, bool known) const {
  const std::string path = shelf_.PathOf(bundle.hash);
  std::unique_ptr<const rules::BundleFile> file;
  const absl::StatusOr<rules::TrustRoot> root =
      known ? absl::NotFoundError("checked before") : root_();
  if (root.ok()) {
    absl::StatusOr<rules::CheckedBundle> checked =
        rules::CheckSigned(path, *root);
    if (!checked.ok()) return checked.status();
    file = std::move(checked->file);
  } else if (absl::IsNotFound(root.status())) {
    auto opened = rules::BundleFile::Open(path);
    if (!opened.ok()) return opened.status();
    file = *std::move(opened);
  } else {
    return root.status();
  }
  const auto section = file->Section(kSection);
  if (!section) return absl::DataLossError(absl::StrCat(path, ": no policy"));
  const absl::Status whole = file->VerifySection(kSection);
  if (!whole.ok()) return whole;
  v1::CompiledPolicy policy;
  if (!policy.ParseFromArray(section->data(),
                             static_cast<int>(section->size()))) {
    return absl::DataLossError(absl::StrCat(path, ": its policy is damaged"));
  }
  return policy;
}

absl::Status PoliciesInForce::Take(const std::string& school,
                                   const ShelvedBundle& bundle,
                                   absl::Time now) {
  const bool known = shelf_.PolicyMark(school) == bundle.hash;
  absl::StatusOr<v1::CompiledPolicy> policy = Read(bundle, known);
  if (!policy.ok()) return policy.status();
  if (!known) {
    absl::Status status =
        audit_.Append({.time = now,
                       .who = "system",
                       .action = "policy_in_force",
                       .about = school.empty() ? "all" : school,
                       .detail = absl::StrCat("version ", bundle.version, ", ",
                                              PolicySummary(*policy)),
                       .hash = ""});
    if (status.ok()) status = shelf_.SavePolicyMark(school, bundle.hash);
    if (!status.ok()) return status;
  }
  Log(Level::kNotice, "policy_in_force",
      {{"school", school.empty() ? "all" : school},
       {"version", std::to_string(bundle.version)},
       {"policy", PolicySummary(*policy)}});
  policies_.Set(school,
                std::make_shared<v1::CompiledPolicy>(*std::move(policy)));
  return absl::OkStatus();
}

}  // namespace schoolgate::collector
