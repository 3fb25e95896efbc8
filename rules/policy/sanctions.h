// Which row of the school's sanctions table an incident falls under. The row
// is information for the person who decides, never a verdict.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/policy.pb.h"

namespace schoolgate::rules {

// What is known about an incident. Nothing here is guessed.
struct Incident {
  std::string_view category;
  bool staff = false;       // of the person, as the group says
  bool deliberate = false;  // graded opened or attempt, and repeated or direct
  bool self_reported = false;
  bool in_lesson = false;
  // A person recorded a warning before, and this incident was confirmed.
  bool after_warning = false;
  // Not about a contact but about an account: "shared_account" (by its owner),
  // "staff_account" (used by somebody else), "account" (any other's). Empty:
  // about a contact.
  std::string_view account;
};

struct Proposal {
  const v1::SanctionRow* row = nullptr;   // null: the table has no row for it
  std::vector<std::string> referrals;     // may be proposed at once
  std::vector<std::string> needs_reason;  // only after a person wrote down why
  std::vector<std::string> cautions;      // sentences to be shown beside it
};

// The row lives as long as the policy.
Proposal ProposeSanction(const v1::CompiledPolicy& policy,
                         const Incident& incident);

}  // namespace schoolgate::rules
