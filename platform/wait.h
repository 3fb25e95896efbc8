// Waiting for several things at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/time/time.h"

namespace schoolgate::platform {

inline constexpr size_t kMostWaitedFor = 16;

// Returns when one of the descriptors (at most kMostWaitedFor) can be read or
// has ended, or `patience` is over, rounded up to milliseconds. Bit i of what
// it returns stands for the i-th; none is set when the time is over or a signal
// came. Negative descriptors are passed over.
uint32_t WaitReadable(std::span<const int> descriptors,
                      absl::Duration patience);

}  // namespace schoolgate::platform
