// --at: the time for which a verb answers.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::rules {

// What was given (RFC 3339), or now where nothing was. INVALID_ARGUMENT says
// how it is written.
absl::StatusOr<absl::Time> TimeOrNow(const std::string& at);

}  // namespace schoolgate::rules
