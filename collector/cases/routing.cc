#include "collector/cases/routing.h"

#include <algorithm>

#include "collector/cases/words.h"

namespace schoolgate::collector {
namespace {

// What programs do in the dark: a technician finds out which, and nobody need
// be asked before.
bool IsForTechnicians(const v1::Alert& alert) {
  return alert.rule() == "odd_names";
}

bool IsAboutDevice(const v1::Alert& alert) {
  const std::string& rule = alert.rule();
  return rule == "silent_device" || rule == "blind_device" ||
         rule == "agent_stopped" || rule == "tamper" || rule == "events_lost" ||
         rule == "tunnel" || rule == "stale_rules" || rule == "rules_refused" ||
         rule == "check_failed" || IsForTechnicians(alert);
}

bool IsAbout(const v1::Alert& alert, const Account& account) {
  return !account.own_pseudonym.empty() &&
         account.own_pseudonym == alert.subject();
}

}  // namespace

bool MaySee(const v1::Alert& alert, const Account& viewer,
            const Readers& readers) {
  if (IsAbout(alert, viewer)) return false;
  if (!viewer.school.empty() && viewer.school != alert.school()) return false;
  // Nobody did wrong: whoever decides about rules and passes may know.
  if (alert.rule() == "person_asks") {
    return viewer.role == Role::kSafetyLead || viewer.role == Role::kDeputy ||
           viewer.role == Role::kHead || viewer.role == Role::kSecondSenior;
  }
  if (IsForTechnicians(alert)) {
    const bool served = std::any_of(
        readers.accounts.begin(), readers.accounts.end(),
        [&](const Account& one) {
          return one.role == Role::kItProvider &&
                 (one.school.empty() || one.school == alert.school());
        });
    // Where there is no provider's account somebody has to know all the same.
    return viewer.role == Role::kItProvider ||
           (!served && viewer.role == Role::kHead);
  }
  if (!IsAboutDevice(alert) && viewer.role != Role::kItProvider) {
    const Policy policy = PolicyOf(readers.policies, alert.school());
    const std::optional<bool> told =
        policy == nullptr ? std::nullopt
                          : ToldByPolicy(*policy, alert, viewer, readers);
    if (told) return *told;
  }
  bool about_staff = IsStaffGroup(alert.group()) && !IsAboutDevice(alert);
  bool about_head = std::any_of(
      readers.accounts.begin(), readers.accounts.end(),
      [&](const Account& account) {
        return account.role == Role::kHead && IsAbout(alert, account);
      });
  switch (viewer.role) {
    case Role::kHead:
      return !about_head;
    case Role::kSecondSenior:
      return !about_staff || about_head;
    case Role::kSafetyLead:
    case Role::kDeputy:
      return !about_staff;
    case Role::kItProvider:
      return IsAboutDevice(alert);
    case Role::kGovernor:
    case Role::kDataProtectionOfficer:
      return false;
  }
  return false;
}

}  // namespace schoolgate::collector
