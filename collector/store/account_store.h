// People who may use the console: their role, school and password hash.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace schoolgate::collector {

enum class Role {
  kItProvider,
  kSafetyLead,
  kDeputy,
  kHead,
  kSecondSenior,
  kGovernor,
  kDataProtectionOfficer
};

struct Account {
  std::string name;          // log-in, lower case
  std::string display_name;  // "A. Patel"
  Role role = Role::kSafetyLead;
  std::string school;         // empty: every school (IT provider only)
  std::string password_hash;  // Argon2id, libsodium's string form
  bool must_change_password = false;
  uint32_t failures = 0;  // log-ins failed since the last good one
  absl::Time locked_until = absl::InfinitePast();
  // Pseudonym of this person where they are monitored themselves, so that an
  // alert about them never reaches them. Empty when unknown.
  std::string own_pseudonym;
};

// Thread-safe.
class AccountStore {
 public:
  virtual ~AccountStore() = default;
  virtual absl::Status Put(const Account& account) = 0;
  virtual absl::StatusOr<Account> Get(const std::string& name) = 0;
  virtual absl::StatusOr<std::vector<Account>> All() = 0;
};

absl::StatusOr<std::unique_ptr<AccountStore>> OpenSqliteAccountStore(
    const std::string& file);

}  // namespace schoolgate::collector
