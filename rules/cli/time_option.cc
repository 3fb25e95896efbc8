#include "rules/cli/time_option.h"

#include "absl/strings/str_cat.h"
#include "platform/clock.h"
#include "platform/written_time.h"

namespace schoolgate::rules {

absl::StatusOr<absl::Time> TimeOrNow(const std::string& at) {
  if (at.empty()) return platform::SystemClock().Now();
  if (const auto time = platform::ReadInstant(at)) return *time;
  return absl::InvalidArgumentError(absl::StrCat(
      "--at: \"", at, "\" is no time: write it as 2026-11-23T10:00:00Z"));
}

}  // namespace schoolgate::rules
