#include "platform/clock_sync.h"

#include <sys/timex.h>

namespace schoolgate::platform {

std::optional<bool> ClockIsKept() {
  timex state{};  // no modes: only reads
  const int answer = adjtimex(&state);
  if (answer < 0) return std::nullopt;
  return answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

}  // namespace schoolgate::platform
