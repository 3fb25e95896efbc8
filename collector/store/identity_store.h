// Who of the school's own directory (an OpenID Connect provider) an account
// belongs to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::collector {

struct Identity {
  std::string account;
  // Lower case; binds the account to the first person whose directory says
  // that this address is theirs. Empty: bound by hand.
  std::string email;
  // Both empty until bound. Never more than one account for a pair.
  std::string issuer;
  std::string subject;

  bool bound() const { return !subject.empty(); }
  bool operator==(const Identity&) const = default;
};

// Thread-safe. Durable when OK.
class IdentityStore {
 public:
  virtual ~IdentityStore() = default;

  // Replaces what the account had. ALREADY_EXISTS: another account has this
  // address or is bound to this person.
  virtual absl::Status Put(const Identity& identity) = 0;
  virtual absl::Status Remove(const std::string& account) = 0;
  virtual absl::StatusOr<std::vector<Identity>> All() = 0;

  // NOT_FOUND: no account belongs to that person.
  virtual absl::StatusOr<Identity> BySubject(const std::string& issuer,
                                             const std::string& subject) = 0;
  virtual absl::StatusOr<Identity> ByEmail(const std::string& email) = 0;

  // Once, whoever else tries at the same moment: true when the account still
  // has this address and was not bound before.
  virtual absl::StatusOr<bool> Bind(const Identity& identity) = 0;
};

absl::StatusOr<std::unique_ptr<IdentityStore>> OpenSqliteIdentityStore(
    const std::string& file);

}  // namespace schoolgate::collector
