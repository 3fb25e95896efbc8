// Times as people write them, on a command line or in a file.
#pragma once

#include <optional>
#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace schoolgate::platform {

// An instant of RFC 3339: "2026-11-20T09:00:00Z", "2026-11-20T10:00:00+01:00".
std::optional<absl::Time> ReadInstant(const std::string& text);

// "2026-11-20".
std::optional<absl::CivilDay> ReadDay(const std::string& text);

// How long: "14d", "36h", "90m", "1h30m". Neither negative nor endless.
std::optional<absl::Duration> ReadSpan(const std::string& text);

}  // namespace schoolgate::platform
