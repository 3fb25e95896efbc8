// Keys as files: the secret half behind a passphrase, the public half to hand
// to whoever makes the root.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/trust.pb.h"
#include "rules/trust/signature.h"

namespace schoolgate::rules {

inline constexpr size_t kMaxKeyFileBytes = 64 << 10;
inline constexpr size_t kMinPassphraseBytes = 12;
inline constexpr size_t kMaxNameBytes = 120;

// A key with who holds it and what for.
struct NamedKey {
  SigningKey key;
  v1::PublicKeyFile about;
};

// A new key. INVALID_ARGUMENT when the name is empty, too long or holds
// control characters, or when there is no role.
absl::StatusOr<NamedKey> NewKey(std::string_view name,
                                v1::Organisation organisation,
                                const std::vector<v1::TrustRole>& roles);

// The text of a secret key file. Without a passphrase the seed lies open in
// it: for demonstrations and tests. INVALID_ARGUMENT for a short passphrase.
absl::StatusOr<std::string> SealKeyFile(
    const NamedKey& key, std::optional<std::string_view> passphrase);

// True when the file needs a passphrase.
absl::StatusOr<bool> NeedsPassphrase(std::string_view text);

// INVALID_ARGUMENT for a damaged file, UNAUTHENTICATED for a wrong passphrase.
absl::StatusOr<NamedKey> OpenKeyFile(std::string_view text,
                                     std::string_view passphrase);

// The public half, of a public or a secret key file. The public part of a
// secret file is not authenticated by this call.
absl::StatusOr<v1::PublicKeyFile> ReadPublicPart(std::string_view text);

std::string PublicKeyText(const v1::PublicKeyFile& about);

}  // namespace schoolgate::rules
