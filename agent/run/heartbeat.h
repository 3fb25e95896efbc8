// The minute's word of a living agent: that it sees, what it enforces, what
// it could not see.
#pragma once

#include "agent/decide/event_sink.h"
#include "agent/observe/observer.h"
#include "agent/run/status.h"
#include "agent/spool/spool_writer.h"
#include "platform/clock.h"
#include "proto/event.pb.h"

namespace schoolgate::agent {

// An event of the routine lane, ready for the sink.
v1::Event MakeHeartbeat(const AgentStatus& status, const ObserverCounters& seen,
                        const SpoolCounters& spool, std::string bundle_hash,
                        v1::Place place, absl::Time now);

}  // namespace schoolgate::agent
