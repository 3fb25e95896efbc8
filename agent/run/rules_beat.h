// What the heartbeat says of the rules: whether they are fresh, what is in
// force beside them, what rules on trial would change.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "agent/decide/verdicts.h"
#include "agent/run/rules_inbox.h"
#include "proto/event.pb.h"

namespace schoolgate::agent {

// "fresh", "late", "stale", "overdue"; empty where that cannot be known.
std::string FreshnessWord(const RulesInbox& inbox, absl::Time now);

void AddRules(const RulesInbox& inbox, const Verdicts& verdicts, absl::Time now,
              v1::Heartbeat* beat);

}  // namespace schoolgate::agent
