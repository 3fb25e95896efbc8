// Whether something keeps this machine's clock right.
#pragma once

#include <optional>

namespace schoolgate::platform {

// As the kernel was told by whoever keeps it (NTP). nullopt: it does not say.
std::optional<bool> ClockIsKept();

}  // namespace schoolgate::platform
