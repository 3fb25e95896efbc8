// Second factors of console accounts: time-based codes (RFC 6238).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::collector {

struct SecondFactor {
  std::string account;
  std::string secret;     // raw bytes
  int64_t last_step = 0;  // of the newest code that was taken
  std::vector<std::string> recovery_hashes;  // of codes not used yet
};

// Thread-safe. Durable when OK.
class SecondFactorStore {
 public:
  virtual ~SecondFactorStore() = default;

  // NOT_FOUND: the account has none.
  virtual absl::StatusOr<SecondFactor> Get(const std::string& account) = 0;
  virtual absl::Status Put(const SecondFactor& factor) = 0;
  virtual absl::Status Remove(const std::string& account) = 0;

  // Each at most once, whoever else tries at the same moment: true when it
  // was not taken before.
  virtual absl::StatusOr<bool> TakeStep(const std::string& account,
                                        int64_t step) = 0;
  virtual absl::StatusOr<bool> TakeRecovery(const std::string& account,
                                            const std::string& hash) = 0;
};

absl::StatusOr<std::unique_ptr<SecondFactorStore>> OpenSqliteSecondFactorStore(
    const std::string& file);

}  // namespace schoolgate::collector
