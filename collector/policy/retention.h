// How long records are kept, by the school's policy.
#pragma once

#include "absl/time/time.h"
#include "proto/policy.pb.h"

namespace schoolgate::collector {

// What the collector holds and erases by itself.
struct Retention {
  absl::Duration contacts;  // "hit": contacts, episodes, reports of people
  absl::Duration health;    // "health": heartbeats, tests, tampering
  absl::Duration cases;     // "incident": closed alerts and their log

  bool operator==(const Retention&) const = default;
};

// Where the policy is silent (or null) what the collector is set to holds.
Retention RetentionBy(const v1::CompiledPolicy* policy, Retention set_up);

}  // namespace schoolgate::collector
