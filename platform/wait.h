// Waiting for several things at once.
#pragma once

#include <initializer_list>

#include "absl/time/time.h"

namespace schoolgate::platform {

// Returns when one of the descriptors can be read, or `patience` is over.
// Negative descriptors are passed over.
void WaitReadable(std::initializer_list<int> descriptors,
                  absl::Duration patience);

}  // namespace schoolgate::platform
