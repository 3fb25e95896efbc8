// The agent on a living machine: packets in, rules applied, events sealed into
// the spool. Works without a collector, without enrolment, and for ever on the
// last good rules.
#pragma once

#include <atomic>

#include "absl/status/status.h"
#include "agent/run/config.h"
#include "platform/clock.h"

namespace schoolgate::agent {

// Runs until `stop` is set. Fails only where nothing useful could be done: no
// permission to capture, a state directory that cannot be written, another
// agent on the same state; CANCELLED when root took the
// device out of use. An interface that goes away is waited for.
absl::Status RunLive(const AgentConfig& config, const platform::Clock& clock,
                     const std::atomic<bool>& stop);

}  // namespace schoolgate::agent
