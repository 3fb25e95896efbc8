#include "rules/policy/sanctions.h"

#include <algorithm>

namespace schoolgate::rules {
namespace {

bool Lists(const google::protobuf::RepeatedPtrField<std::string>& list,
           std::string_view word) {
  return std::any_of(list.begin(), list.end(),
                     [word](const std::string& one) { return one == word; });
}

bool HasCategory(const v1::CompiledPolicy& policy, const v1::SanctionRow& row,
                 std::string_view category) {
  return std::any_of(
      row.categories().begin(), row.categories().end(), [&](uint32_t index) {
        return policy.categories(static_cast<int>(index)).id() == category;
      });
}

bool IsAboutAccounts(const v1::SanctionRow& row) {
  return row.kind() == "account" || row.kind() == "shared_account" ||
         row.kind() == "staff_account";
}

bool Fits(const v1::CompiledPolicy& policy, const v1::SanctionRow& row,
          const Incident& incident) {
  if (row.staff() != incident.staff) return false;
  if (row.kind() == "continued") return incident.after_warning;
  if (!incident.account.empty()) {
    return row.kind() == incident.account || row.kind() == "account";
  }
  if (!HasCategory(policy, row, incident.category)) return false;
  if (row.in_lessons() && !incident.in_lesson) return false;
  if (row.kind() == "deliberate") return incident.deliberate;
  if (row.kind() == "accidental_unreported") {
    return !incident.deliberate && !incident.self_reported;
  }
  return row.kind() != "record_only" && !IsAboutAccounts(row);
}

// Continued infringements first, then what says exactly this of an account; a
// row about lessons last, as it is the mildest that can be said of a contact.
int Weight(const v1::SanctionRow& row) {
  if (row.kind() == "continued") return 0;
  if (row.kind() == "shared_account" || row.kind() == "staff_account") return 1;
  return row.in_lessons() ? 3 : 2;
}

}  // namespace

Proposal ProposeSanction(const v1::CompiledPolicy& policy,
                         const Incident& incident) {
  Proposal proposal;
  for (const v1::SanctionRow& row : policy.sanctions()) {
    if (Fits(policy, row, incident) &&
        (proposal.row == nullptr || Weight(row) < Weight(*proposal.row))) {
      proposal.row = &row;
    }
  }
  if (proposal.row == nullptr) return proposal;
  for (const auto* list :
       {&proposal.row->referrals(), &proposal.row->added()}) {
    for (const std::string& referral : *list) {
      const bool guarded = Lists(proposal.row->human_reason(), referral);
      (guarded ? proposal.needs_reason : proposal.referrals)
          .push_back(referral);
    }
  }
  if (!proposal.needs_reason.empty()) {
    proposal.cautions.push_back(
        "The table ticks more than this software proposes: write down a "
        "reason first.");
  }
  if (proposal.row->added_size() > 0) {
    proposal.cautions.push_back(
        "The table leaves somebody out whom the school wants to be told.");
  }
  if (proposal.row->kind() == "accidental_unreported") {
    proposal.cautions.push_back(
        "This looks accidental: ask the person before anything else.");
  }
  return proposal;
}

}  // namespace schoolgate::rules
