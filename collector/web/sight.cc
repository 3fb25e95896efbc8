#include "collector/web/sight.h"

#include <array>
#include <string_view>

namespace schoolgate::collector {
namespace {

// The rules of detection that speak of a device only.
constexpr std::array<std::string_view, 8> kHealthRules = {
    "silent",   "tamper",      "gap",   "blind",
    "selftest", "certificate", "stale", "health"};

}  // namespace

bool IsHealthRule(const v1::Alert& alert) {
  const std::string_view subject = alert.subject();
  if (IsLocked(alert) || subject.starts_with("P-")) return false;
  for (std::string_view prefix : kHealthRules) {
    if (std::string_view(alert.rule()).starts_with(prefix)) return true;
  }
  return false;
}

bool IsLocked(const v1::Alert& alert) {
  return alert.severity() == v1::SEVERITY_ILLEGAL;
}

Sight SightOf(const Account& viewer, const v1::Alert& alert) {
  // Only the IT provider serves several schools.
  const bool everywhere =
      viewer.school.empty() && viewer.role == Role::kItProvider;
  if (!everywhere && viewer.school != alert.school()) return Sight::kNothing;
  if (!viewer.own_pseudonym.empty() &&
      alert.SerializeAsString().find(viewer.own_pseudonym) !=
          std::string::npos) {
    return Sight::kNothing;
  }
  switch (viewer.role) {
    case Role::kSafetyLead:
    case Role::kDeputy:
    case Role::kHead:
    case Role::kSecondSenior:
      return Sight::kFull;
    case Role::kGovernor:
      return Sight::kAnonymous;
    case Role::kItProvider:
      return IsHealthRule(alert) ? Sight::kHealth : Sight::kNothing;
    case Role::kDataProtectionOfficer:
      return Sight::kNothing;
  }
  return Sight::kNothing;
}

}  // namespace schoolgate::collector
