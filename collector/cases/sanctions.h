// What the school's own policy says about an incident, shown as information:
// the software proposes no sanction and says nobody is guilty.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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

// The row of the starter policy's table (city primary); nullptr where the
// table has none, and for harm to the person, which is no misuse.
const SanctionRow* SanctionRowFor(const SanctionQuery& query);

// All rows that SanctionRowFor can give.
const std::vector<SanctionRow>& SanctionRows();

// The alert's next step. `ask_first`: nothing shows yet that it was meant.
std::string NextStep(const v1::Alert& alert, bool is_person, bool ask_first);

}  // namespace schoolgate::collector
