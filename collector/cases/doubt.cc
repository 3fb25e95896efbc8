#include "collector/cases/doubt.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

// Whoever sits there did not begin with the first contact that is reported.
constexpr int64_t kOneSittingUs = 3'600'000'000;

bool Overlaps(const v1::Alert& alert, const v1::Alert& sitting) {
  return std::any_of(
      alert.evidence().begin(), alert.evidence().end(),
      [&](const v1::AlertEvidence& line) {
        return line.device() == sitting.device() &&
               line.time_unix_us() >= sitting.first_unix_us() - kOneSittingUs &&
               line.time_unix_us() <= sitting.last_unix_us() + kOneSittingUs;
      });
}

}  // namespace

std::string DoubtAbout(const v1::Alert& alert,
                       std::span<const v1::Alert> of_devices) {
  const std::string account =
      absl::StrCat(alert.school(), "|", alert.subject(), "|");
  for (const v1::Alert& one : of_devices) {
    if (one.id() == alert.id() || !Overlaps(alert, one)) continue;
    const bool staff = one.rule() == "staff_account";
    if ((!staff && one.rule() != "not_assigned") ||
        !absl::StartsWith(one.key(), absl::StrCat(account, one.rule(), "|"))) {
      continue;
    }
    return absl::StrCat(
        staff ? "This staff account was used on the pupils' device "
              : "This account was used on somebody else's device ",
        one.device_name().empty() ? one.device() : one.device_name(),
        " at that time (alert ", one.id(),
        "). Until it is clear who it was, this proves nothing about its "
        "owner.");
  }
  return "";
}

}  // namespace schoolgate::collector
