#include "collector/cases/sight.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
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

// Head and second senior; where fewer than two of them are left (one is named
// in the alert, or the school has no such account), the safety leads as well,
// then the deputies.
bool MayHandleLocked(const v1::Alert& alert, const Account& viewer,
                     const Readers& readers) {
  const auto able = [&](auto is_role) {
    return std::count_if(readers.accounts.begin(), readers.accounts.end(),
                         [&](const Account& one) {
                           return is_role(one.role) &&
                                  one.school == alert.school() &&
                                  !Names(alert, one);
                         });
  };
  if (IsSenior(viewer.role)) return true;
  const auto seniors = able(IsSenior);
  if (viewer.role == Role::kSafetyLead) return seniors < 2;
  const auto leads = able([](Role role) { return role == Role::kSafetyLead; });
  return viewer.role == Role::kDeputy && seniors + leads < 2;
}

}  // namespace

bool IsLocked(const v1::Alert& alert) {
  return alert.severity() == v1::SEVERITY_ILLEGAL;
}

Sight SightOf(const Account& viewer, const v1::Alert& alert,
              const Readers& readers) {
  if (OtherSchool(viewer, alert) || Names(alert, viewer)) {
    return Sight::kNothing;
  }
  if (viewer.role == Role::kGovernor) return Sight::kAnonymous;
  if (viewer.role == Role::kItProvider) {
    return !IsLocked(alert) && MaySee(alert, viewer, readers) ? Sight::kHealth
                                                              : Sight::kNothing;
  }
  const bool may = MaySee(alert, viewer, readers) ||
                   (IsLocked(alert) && MayHandleLocked(alert, viewer, readers));
  return may ? Sight::kFull : Sight::kNothing;
}

SightOfMany::SightOfMany(const Account& viewer, const Readers& readers)
    : viewer_(viewer), readers_(readers) {
  for (const Account& one : readers.accounts) {
    if (!one.own_pseudonym.empty()) owners_.insert(one.own_pseudonym);
  }
}

Sight SightOfMany::operator()(const v1::Alert& alert) {
  // Who may handle it depends on everybody whom it names.
  if (IsLocked(alert)) return SightOf(viewer_, alert, readers_);
  if (Names(alert, viewer_)) return Sight::kNothing;
  key_.clear();
  absl::StrAppend(&key_, alert.severity(), "\n", alert.school(), "\n",
                  alert.rule(), "\n", alert.category(), "\n", alert.group());
  if (owners_.contains(alert.subject())) {
    absl::StrAppend(&key_, "\n", alert.subject());
  }
  const auto [known, fresh] = known_.try_emplace(key_, Sight::kNothing);
  if (fresh) known->second = SightOf(viewer_, alert, readers_);
  return known->second;
}

bool NamesAny(const v1::Alert& alert, std::span<const Account> accounts) {
  const std::string bytes = alert.SerializeAsString();
  return std::any_of(accounts.begin(), accounts.end(), [&](const Account& one) {
    return !one.own_pseudonym.empty() &&
           bytes.find(one.own_pseudonym) != std::string::npos;
  });
}

bool MayApproveName(const Account& viewer, const v1::Alert& alert,
                    const Readers& readers) {
  if (OtherSchool(viewer, alert) || Names(alert, viewer)) return false;
  return MaySee(alert, viewer, readers)
             ? viewer.role != Role::kItProvider
             : MayHandleLocked(alert, viewer, readers);
}

bool MayOversee(const Account& viewer, const v1::Alert& alert,
                const Readers& readers) {
  if (IsSenior(viewer.role)) {
    return SightOf(viewer, alert, readers) != Sight::kNothing;
  }
  return !OtherSchool(viewer, alert) && !Names(alert, viewer);
}

}  // namespace schoolgate::collector
