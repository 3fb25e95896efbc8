#include "collector/web/sight.h"

#include <algorithm>
#include <string>

#include "collector/cases/routing.h"

namespace schoolgate::collector {
namespace {

bool OtherSchool(const Account& viewer, const v1::Alert& alert) {
  // Only the IT provider serves several schools.
  const bool everywhere =
      viewer.school.empty() && viewer.role == Role::kItProvider;
  return !everywhere && viewer.school != alert.school();
}

// In the subject, in a sentence, in somebody's note.
bool Names(const v1::Alert& alert, const Account& account) {
  return !account.own_pseudonym.empty() &&
         alert.SerializeAsString().find(account.own_pseudonym) !=
             std::string::npos;
}

bool IsSenior(Role role) {
  return role == Role::kHead || role == Role::kSecondSenior;
}

// Head and second senior; the safety lead where one of them is out.
bool MayHandleLocked(const v1::Alert& alert, const Account& viewer,
                     std::span<const Account> everybody) {
  if (IsSenior(viewer.role)) return true;
  return viewer.role == Role::kSafetyLead &&
         std::any_of(everybody.begin(), everybody.end(), [&](const auto& one) {
           return IsSenior(one.role) && one.school == alert.school() &&
                  Names(alert, one);
         });
}

}  // namespace

bool IsLocked(const v1::Alert& alert) {
  return alert.severity() == v1::SEVERITY_ILLEGAL;
}

Sight SightOf(const Account& viewer, const v1::Alert& alert,
              std::span<const Account> everybody) {
  if (OtherSchool(viewer, alert) || Names(alert, viewer)) {
    return Sight::kNothing;
  }
  if (viewer.role == Role::kGovernor) return Sight::kAnonymous;
  if (viewer.role == Role::kItProvider) {
    return !IsLocked(alert) && MaySee(alert, viewer, everybody)
               ? Sight::kHealth
               : Sight::kNothing;
  }
  const bool may =
      MaySee(alert, viewer, everybody) ||
      (IsLocked(alert) && MayHandleLocked(alert, viewer, everybody));
  return may ? Sight::kFull : Sight::kNothing;
}

bool MayOversee(const Account& viewer, const v1::Alert& alert,
                std::span<const Account> everybody) {
  if (IsSenior(viewer.role)) {
    return SightOf(viewer, alert, everybody) != Sight::kNothing;
  }
  return !OtherSchool(viewer, alert) && !Names(alert, viewer);
}

}  // namespace schoolgate::collector
