// A refusal that a device's program can act on: a status with one word from
// the list in proto/uplink.proto.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace schoolgate::collector {

absl::Status Refuse(absl::StatusCode code, const std::string& word,
                    const std::string& message);

// Empty when the status carries none.
std::string RefusalWord(const absl::Status& status);

}  // namespace schoolgate::collector
