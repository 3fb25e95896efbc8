// What this process may do to the machine.
#pragma once

#include "absl/status/status.h"

namespace schoolgate::platform {

// Gives up for good every right of root but those that watching and holding
// packets, naming their senders and keeping files need: CAP_NET_ADMIN,
// CAP_NET_RAW, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE,
// CAP_FOWNER, CAP_CHOWN, CAP_KILL. What it starts gets no more either, set-uid
// programs included. Does nothing to a process that has less. To be called
// before other threads are there: it speaks for the calling thread.
absl::Status DropNeedlessRights();

// A crash of this process, or of one that it starts, leaves no image of its
// memory, neither on the disk nor with a program that collects crashes: keys,
// names and passphrases are in there.
void ForbidCoreDumps();

}  // namespace schoolgate::platform
