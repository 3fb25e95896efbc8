// What the school's own policy says about an incident, shown as information:
// the software proposes no sanction and says nobody is guilty.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/policy/school_policies.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

struct SanctionRow {
  std::string_view id;        // "SP13"
  std::string_view incident;  // what the row is about
  std::string_view steps;     // what the table ticks, in words
  bool police = false;        // ticked, but never proposed by a program
};

struct SanctionQuery {
  std::string_view category;
  bool staff = false;
};

// Where no policy is published: the row of the starter policy's table (city
// primary); nullptr where the table has none, and for harm to the person,
// which is no misuse.
const SanctionRow* SanctionRowFor(const SanctionQuery& query);

// All rows that SanctionRowFor can give.
const std::vector<SanctionRow>& SanctionRows();

// The alert's next step. `ask_first`: nothing shows yet that it was meant.
// `policy`: the school's, null where none is published.
std::string NextStep(const v1::Alert& alert, bool is_person, bool ask_first,
                     const v1::CompiledPolicy* policy);

// The row of the policy's own sanctions table that the alert falls under, in
// words for people.
struct PolicyRow {
  std::string id;                         // "SP13"; empty: the table has none
  std::string incident;                   // as the paper has it
  std::vector<std::string> steps;         // "parents / carers"
  std::vector<std::string> needs_reason;  // never before a written reason
  std::vector<std::string> cautions;      // sentences
};

// `after_warning`: as it would be if this is confirmed, after an earlier one
// ended in a warning. Harm to the person has no row.
PolicyRow RowOf(const v1::CompiledPolicy& policy, const v1::Alert& alert,
                bool after_warning);

// What the alert says of an account, as rules::Incident::account has it; empty:
// it is about something else.
std::string_view AccountKind(const v1::Alert& alert);

// That a person closed the alert as true and something followed.
bool WasConfirmed(const v1::Alert& alert);

// That the person told the school of it themselves.
bool SelfReported(const v1::Alert& alert);

// That they also wrote of a warning.
bool EndedInWarning(const v1::Alert& alert);

}  // namespace schoolgate::collector
