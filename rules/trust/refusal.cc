#include "rules/trust/refusal.h"

#include <iterator>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace schoolgate::rules {
namespace {

constexpr char kPayload[] = "schoolgate/refusal";

struct Named {
  Refusal refusal;
  std::string_view name;
};

constexpr Named kNames[] = {
    {Refusal::kUnreadable, "unreadable"},
    {Refusal::kTruncated, "truncated"},
    {Refusal::kOversized, "oversized"},
    {Refusal::kMalformed, "malformed"},
    {Refusal::kSectionHash, "section_hash"},
    {Refusal::kBadContent, "bad_content"},
    {Refusal::kBadSignature, "bad_signature"},
    {Refusal::kUnknownKey, "unknown_key"},
    {Refusal::kWrongRole, "wrong_role"},
    {Refusal::kSameKeyTwice, "same_key_twice"},
    {Refusal::kTooFewSignatures, "too_few_signatures"},
    {Refusal::kRollback, "rollback"},
    {Refusal::kEquivocation, "equivocation"},
    {Refusal::kVersionJump, "version_jump"},
    {Refusal::kExpired, "expired"},
    {Refusal::kNotYetIssued, "not_yet_issued"},
    {Refusal::kFreeze, "freeze"},
    {Refusal::kMixAndMatch, "mix_and_match"},
    {Refusal::kWrongSchool, "wrong_school"},
    {Refusal::kLoosenedByOne, "loosened_by_one"},
    {Refusal::kLockedRemoved, "locked_removed"},
    {Refusal::kRootGap, "root_gap"},
    {Refusal::kWeakRoot, "weak_root"},
    {Refusal::kReplayedOrder, "replayed_order"},
    {Refusal::kNotPassable, "not_passable"},
    {Refusal::kSelfApproved, "self_approved"},
    {Refusal::kApproverNotSigner, "approver_not_signer"},
    {Refusal::kNoTimeLimit, "no_time_limit"},
    {Refusal::kEnded, "ended"},
    {Refusal::kNamesNobody, "names_nobody"},
    {Refusal::kLoosensByEmergency, "loosens_by_emergency"},
    {Refusal::kTooMany, "too_many"},
};

}  // namespace

std::string_view RefusalName(Refusal refusal) {
  for (const Named& named : kNames) {
    if (named.refusal == refusal) return named.name;
  }
  return "unknown";
}

absl::Status Refuse(Refusal refusal, std::string_view message) {
  absl::Status status = absl::PermissionDeniedError(
      absl::string_view(message.data(), message.size()));
  const std::string_view name = RefusalName(refusal);
  status.SetPayload(kPayload,
                    absl::Cord(absl::string_view(name.data(), name.size())));
  return status;
}

std::optional<Refusal> RefusalOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayload);
  if (!payload) return std::nullopt;
  const std::string name(*payload);
  for (const Named& named : kNames) {
    if (named.name == name) return named.refusal;
  }
  return std::nullopt;
}

}  // namespace schoolgate::rules
