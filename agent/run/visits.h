// People whose time on this device is limited: it is said before, ended, and
// kept over a restart of the agent.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "agent/decide/attribution.h"
#include "agent/decide/contact_log.h"
#include "agent/decide/verdicts.h"
#include "agent/decide/visit_book.h"
#include "agent/decide/watch.h"
#include "agent/run/rules_in_force.h"
#include "platform/sessions.h"
#include "rules/ruleset.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows what it is given for its own life.
class Visits {
 public:
  // `file`: in the memory of the machine; empty: nowhere.
  Visits(Attribution& attribution, Verdicts& verdicts, Watch& watch,
         RulesInForce& rules, platform::Sessions& sessions, std::string file);

  // A few times a second; does its work now and then. `contacts` is null
  // before enrolment.
  void Tick(absl::Time now, absl::Duration since_boot, ContactLog* contacts);

  uint64_t forgotten() const { return book_.forgotten(); }

 private:
  void UsePolicy();
  void Say(const VisitNews& news, absl::Time now);
  void SayLastDay(const VisitNews& news, absl::Time now);

  Attribution& attribution_;
  Verdicts& verdicts_;
  Watch& watch_;
  RulesInForce& rules_;
  platform::Sessions& sessions_;
  const std::string file_;
  VisitBook book_;
  std::shared_ptr<const rules::Ruleset> used_;
  absl::Duration next_;
  std::string written_;
};

}  // namespace schoolgate::agent
