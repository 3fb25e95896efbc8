#include "collector/cases/routes.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace schoolgate::collector {
namespace {

// A role that stands in for one that stands in ...
constexpr int kMostStandIns = 4;

bool IsConsoleRole(const std::string& role, Role here) {
  switch (here) {
    case Role::kSafetyLead:
      return role == "dsl";
    case Role::kDeputy:
      return role == "dsl" || role == "deputy_dsl";
    case Role::kHead:
      return role == "head";
    case Role::kSecondSenior:
      return role == "second_senior";
    case Role::kItProvider:
      return role == "it_admin";
    case Role::kGovernor:
      return role == "governor";
    case Role::kDataProtectionOfficer:
      return role == "dpo";
  }
  return false;
}

// Others see no single alert about a person, whatever a policy says.
bool MaySeePersons(Role role) {
  return role == Role::kSafetyLead || role == Role::kDeputy ||
         role == Role::kHead || role == Role::kSecondSenior;
}

v1::Tier TierOfAlert(const v1::CompiledPolicy& policy, const v1::Alert& alert) {
  return alert.severity() == v1::SEVERITY_ILLEGAL
             ? v1::TIER_ILLEGAL
             : PolicyTier(policy, alert.category());
}

bool IsAboutHolder(const v1::CompiledPolicy& policy, const std::string& role,
                   const v1::Alert& alert, const Readers& readers) {
  return std::any_of(readers.accounts.begin(), readers.accounts.end(),
                     [&](const Account& one) {
                       return !one.own_pseudonym.empty() &&
                              one.own_pseudonym == alert.subject() &&
                              HoldsRole(policy, role, one);
                     });
}

// 0: the route is not about this.
int Closeness(const v1::CompiledPolicy& policy, const v1::PolicyRoute& route,
              const v1::Alert& alert, const std::vector<std::string>& groups,
              const Readers& readers) {
  absl::string_view about = route.subject();
  if (absl::ConsumePrefix(&about, "role:")) {
    return IsAboutHolder(policy, std::string(about), alert, readers) ? 1000 : 0;
  }
  if (route.subject() == "any") return 2;
  const auto at = std::find(groups.begin(), groups.end(), route.subject());
  return at == groups.end() ? 0
                            : 500 - 2 * static_cast<int>(at - groups.begin());
}

}  // namespace

bool HoldsRole(const v1::CompiledPolicy& policy, const std::string& role,
               const Account& account) {
  if (IsConsoleRole(role, account.role)) return true;
  return std::any_of(policy.roles().begin(), policy.roles().end(),
                     [&](const v1::PolicyRole& one) {
                       return one.id() == role &&
                              std::find(one.holders().begin(),
                                        one.holders().end(),
                                        account.name) != one.holders().end();
                     });
}

std::optional<Route> RouteOf(const v1::CompiledPolicy& policy,
                             const v1::Alert& alert, const Readers& readers) {
  const std::vector<std::string> groups =
      GroupAndParents(policy, alert.group());
  const v1::Tier tier = TierOfAlert(policy, alert);
  const v1::PolicyRoute* best = nullptr;
  int closest = 0;
  for (const v1::PolicyRoute& route : policy.routes()) {
    if (route.tier() != 0 && route.tier() != tier) continue;
    int here = Closeness(policy, route, alert, groups, readers);
    if (here == 0) continue;
    here += route.tier() != 0;
    if (here < closest || (here == closest && best != nullptr)) continue;
    closest = here;
    best = &route;
  }
  if (best == nullptr || best->to().empty()) return std::nullopt;
  return Route{{best->to().begin(), best->to().end()},
               best->within_minutes(),
               best->clause()};
}

std::optional<bool> ToldByPolicy(const v1::CompiledPolicy& policy,
                                 const v1::Alert& alert, const Account& viewer,
                                 const Readers& readers) {
  const std::optional<Route> route = RouteOf(policy, alert, readers);
  if (!route) return std::nullopt;
  const auto can_be_told = [&](const Account& one,
                               const std::set<std::string>& roles) {
    return one.school == alert.school() && MaySeePersons(one.role) &&
           (one.own_pseudonym.empty() ||
            one.own_pseudonym != alert.subject()) &&
           std::any_of(roles.begin(), roles.end(), [&](const auto& role) {
             return HoldsRole(policy, role, one);
           });
  };
  std::set<std::string> roles(route->to.begin(), route->to.end());
  for (int step = 0; step < kMostStandIns && !roles.empty(); ++step) {
    if (std::any_of(
            readers.accounts.begin(), readers.accounts.end(),
            [&](const Account& one) { return can_be_told(one, roles); })) {
      return can_be_told(viewer, roles);
    }
    std::set<std::string> instead;
    for (const v1::PolicyRole& one : policy.roles()) {
      if (roles.contains(one.id()) && !one.stands_in().empty()) {
        instead.insert(one.stands_in());
      }
    }
    roles = std::move(instead);
  }
  return std::nullopt;
}

}  // namespace schoolgate::collector
