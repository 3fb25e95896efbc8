#include "platform/quiet_thread.h"

#include <sys/resource.h>

namespace schoolgate::platform {

void LowerThreadPriority() {
  constexpr int kLowest = 19;
  // On Linux 0 is the calling thread, not the process.
  (void)setpriority(PRIO_PROCESS, 0, kLowest);
}

}  // namespace schoolgate::platform
