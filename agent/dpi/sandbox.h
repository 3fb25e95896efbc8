// Takes every right away from the running process but the ones to compute,
// to allocate up to a limit, and to use one descriptor.
#pragma once

#include <cstddef>

#include "absl/status/status.h"

namespace schoolgate::agent {

// What the process may map in all. Measured need: see docs/architecture.md.
inline constexpr size_t kMostMemoryBytes = size_t{64} << 20;

// First, while the file system is still there: when started as root, becomes
// the account _schoolgate-dpi, or nobody where that does not exist (where the
// agent may change accounts); gives all capabilities away for good.
absl::Status DropRights();

// Last: no new descriptor, no file, socket, process, program, nor executable
// memory; read, write and poll only, and those only on `door` (standard output
// and error lead nowhere from here on). What
// is tried nevertheless kills the process (SIGSYS).
absl::Status CloseSandbox(int door, size_t most_memory_bytes);

}  // namespace schoolgate::agent
