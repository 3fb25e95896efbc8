#include "collector/policy/retention.h"

namespace schoolgate::collector {

Retention RetentionBy(const v1::CompiledPolicy* policy, Retention set_up) {
  if (policy == nullptr) return set_up;
  for (const v1::RetentionRule& rule : policy->retention()) {
    if (rule.days() == 0) continue;  // until somebody releases it
    const absl::Duration keep = absl::Hours(24) * rule.days();
    if (rule.what() == "hit") set_up.contacts = keep;
    if (rule.what() == "health") set_up.health = keep;
    if (rule.what() == "incident") set_up.cases = keep;
  }
  return set_up;
}

}  // namespace schoolgate::collector
