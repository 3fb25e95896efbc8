// One name for an event from the log of its arrival to the alert it became.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace schoolgate::collector {

// 32 hex digits, as OpenTelemetry writes a trace's id. Follows from what
// identifies the event, so that everybody who has the event has the id, and
// nothing of the event can be read from it.
std::string TraceIdOf(std::string_view device, uint64_t epoch,
                      uint64_t sequence);

}  // namespace schoolgate::collector
