// Time-based one-time codes, RFC 6238 with its usual choices (SHA-1, 30 s, 6
// digits): what every authenticator program speaks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace schoolgate::collector {

inline constexpr size_t kTotpSecretBytes = 20;

// The step a time lies in.
int64_t TotpStep(absl::Time now);

// Six digits.
std::string TotpCode(std::string_view secret, int64_t step);

// The step whose code this is, of the present one and its neighbours: clocks
// differ a little. nullopt: of none.
std::optional<int64_t> TotpStepOf(std::string_view secret,
                                  std::string_view code, absl::Time now);

// RFC 4648 base32 without padding, as authenticators take it.
std::string Base32(std::string_view bytes);

// Ten codes like "k7qm-2xwp", each good once instead of the authenticator's.
std::vector<std::string> MakeRecoveryCodes();
// What is kept of one; spaces, hyphens and capitals make no difference.
std::string RecoveryHash(std::string_view code);

}  // namespace schoolgate::collector
