// Hosts that repair a device: log-in and update servers. Rules that cut a
// device off from them would keep better rules from helping.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "rules/ruleset.h"

namespace schoolgate::rules {

std::span<const std::string_view> VitalHosts();

// The vital hosts that some group of `before` may reach and the same group of
// `after` may not, as words; empty when there is none. A host that a rule of
// `after` names, it or a name above it, is blocked on purpose and does not
// count; one that a list has swept up does.
std::string BrokenVitalHosts(const Ruleset& before, const Ruleset& after,
                             absl::Time now);

}  // namespace schoolgate::rules
