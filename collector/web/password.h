// Passwords of console accounts: Argon2id in libsodium's string form.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::collector {

inline constexpr size_t kPasswordMinBytes = 12;
inline constexpr size_t kPasswordMaxBytes = 256;

// Takes about a tenth of a second and 64 MB. RESOURCE_EXHAUSTED when memory
// is short.
absl::StatusOr<std::string> HashPassword(const std::string& password);

// The same work whether or not the hash is empty (no such account).
bool PasswordFits(const std::string& hash, const std::string& password);

// INVALID_ARGUMENT with a sentence for the reader.
absl::Status CheckNewPassword(const std::string& account,
                              const std::string& password);

// A one-time password that can be read out over a telephone: four groups of
// four, about 77 bits.
std::string MakeOneTimePassword();

}  // namespace schoolgate::collector
