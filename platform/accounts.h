// Who a uid is on this machine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace schoolgate::platform {

struct Account {
  std::string login;
  std::vector<std::string> groups;  // Unix group names, primary first
};

// Not thread-safe.
class Accounts {
 public:
  virtual ~Accounts() = default;

  // Nothing for a uid that the name service does not know.
  virtual std::optional<Account> Find(uint32_t uid) = 0;
};

// The machine's name service (files, LDAP, SSSD, ...). May block on a remote
// directory: callers cache.
std::unique_ptr<Accounts> SystemAccounts();

}  // namespace schoolgate::platform
