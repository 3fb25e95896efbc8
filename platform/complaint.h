// How every program says that something went wrong:
//   program: what: why: what to do
#pragma once

#include <cstdio>
#include <string_view>

#include "absl/status/status.h"

namespace schoolgate::platform {

// Exit codes that every program keeps to.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
// Of services: the device was taken out of use; do not start again.
inline constexpr int kExitOutOfUse = 78;

// Prints "program: <status message>" to `to`, where people read: standard
// error. The message carries what, why and what to do, separated by ": ".
// Returns kExitFailed.
int Complain(std::string_view program, const absl::Status& status,
             std::FILE* to = stderr);

}  // namespace schoolgate::platform
