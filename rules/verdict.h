// An answer without words, and the words that go with it.
#pragma once

#include "proto/policy.pb.h"
#include "rules/decide.h"
#include "rules/policy/tables.h"

namespace schoolgate::rules {

// Which step of the order of decisions answered.
enum class Why {
  kLocked,
  kNeverLog,
  kEmergency,
  kPass,
  kRule,
  kDefault,
};

// An answer without words. `rule` indexes the overlay, the policy's host
// rules or its matrix, as `why` and `by_host` say.
struct Verdict {
  Why why = Why::kDefault;
  Action action = Action::kAllow;
  bool by_host = false;
  int rule = -1;
  int exception = -1;
  int group = -1;        // whose answer it is
  int restriction = -1;  // which one made it stricter
  bool logged = false;

  // Whether the answer reads the same; whose it is does not count.
  bool operator==(const Verdict& other) const {
    return why == other.why && action == other.action &&
           by_host == other.by_host && rule == other.rule &&
           exception == other.exception && restriction == other.restriction &&
           logged == other.logged;
  }
};

// Fills rule, clause and reason of *decision.
void Word(const PolicyTables& tables, const v1::Overlays& overlays,
          const Verdict& verdict, const Question& question, Decision* decision);

}  // namespace schoolgate::rules
