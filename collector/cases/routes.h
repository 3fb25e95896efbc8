// Who is told of an alert by the school's own policy.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/policy/school_policies.h"
#include "collector/store/account_store.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// Everybody who has an account, and what the schools' policies say of who is
// told what. A value for the length of a call.
struct Readers {
  Readers() = default;
  Readers(std::vector<Account> everybody,
          const SchoolPolicies* published = nullptr)
      : accounts(std::move(everybody)), policies(published) {}

  std::vector<Account> accounts;
  const SchoolPolicies* policies = nullptr;  // null: none published
};

struct Route {
  std::vector<std::string> to;  // the policy's roles
  uint32_t within_minutes = 0;
  int clause = -1;  // of the policy's clauses
};

// The policy's closest route: about the role that the subject holds, else the
// group, else what the group is like, else "any"; of equals the one for the
// category's tier. Nothing: the policy has none that fits.
std::optional<Route> RouteOf(const v1::CompiledPolicy& policy,
                             const v1::Alert& alert, const Readers& readers);

// Whether the account holds the role: the policy names it, or the account has
// that role here.
bool HoldsRole(const v1::CompiledPolicy& policy, const std::string& role,
               const Account& account);

// Whether the policy lets `viewer` know of the alert. Where nobody whom it
// names can be told (no account, or the alert is about them), those who stand
// in are. Nothing: it names nobody who could be, so the collector's own
// routing holds.
std::optional<bool> ToldByPolicy(const v1::CompiledPolicy& policy,
                                 const v1::Alert& alert, const Account& viewer,
                                 const Readers& readers);

}  // namespace schoolgate::collector
