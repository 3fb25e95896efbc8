// The one question that everything asks of the rules: may this host be
// contacted, by whom, where, when; and how long does the answer hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace schoolgate::rules {

class Ruleset;

enum class Action { kAllow = 1, kRecord = 2, kWarn = 3, kBlock = 4 };
enum class Place { kOnsite, kOffsite };

// Borrowed for the call.
struct Question {
  std::string_view host;    // as sent; any case, A- or U-labels
  std::string_view group;   // "ks2"; unknown ids get the strictest group
  std::string_view user;    // log-in name, may be empty
  std::string_view device;  // device id, may be empty
  Place place = Place::kOnsite;
  absl::Time at;
  // It is surely this late, as somebody says who may be believed only where it
  // ends something: a guest's account that is over stays so with the wall clock
  // set back.
  absl::Time at_least = absl::InfinitePast();
  // Time since boot, so that a lesson pass ends although the wall clock is
  // set back. 0: not known (a desk, not a device).
  int64_t boot_us = 0;
  std::string_view boot_id;
};

struct Decision {
  Action action = Action::kAllow;
  bool locked = false;     // illegal tier: sealed handling
  bool never_log = false;  // help-lines: no record for anybody
  // Whether the policy wants an event about this contact. False for what is
  // allowed, for what is not listed for off site, and for categories that say
  // something about a person's beliefs.
  bool logged = false;
  std::vector<std::string> categories;  // ids, sorted
  std::string rule;                     // id of the rule that decided
  std::string clause;                   // clause of the school's paper policy
  std::string reason;                   // one plain sentence
  std::optional<absl::Time> until;  // when the answer may change; none: never
};

// Order of DESIGN: locked, never-log, emergency, pass, school, trust, matrix,
// default. Thread-safe: a Ruleset does not change.
Decision Decide(const Ruleset& rules, const Question& question);

// The name whose addresses stand in for the question's host for this group:
// SafeSearch and its kin. Empty: none. Holds for the very name only, as the
// policy lists it.
std::string_view RestrictedAnswer(const Ruleset& rules,
                                  const Question& question);

// "allow", "record", "warn", "block".
std::string_view ActionName(Action action);

}  // namespace schoolgate::rules
