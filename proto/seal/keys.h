// Key pairs of devices, collectors and schools, and the files they lie in.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace schoolgate::seal {

inline constexpr size_t kPublicKeyBytes = 32;
inline constexpr size_t kSignatureBytes = 64;
inline constexpr size_t kKeyIdBytes = 8;

// Ed25519: who says so. The secret is wiped when the object goes.
class SigningKey {
 public:
  static SigningKey Generate();
  // From 32 seed bytes; INVALID_ARGUMENT for any other length.
  static absl::StatusOr<SigningKey> FromSeed(std::string_view seed);
  ~SigningKey();
  SigningKey(const SigningKey&) = default;
  SigningKey& operator=(const SigningKey&) = default;

  const std::string& public_key() const { return public_key_; }  // 32 raw bytes
  std::string seed() const;                                      // secret

  // A signature over "purpose NUL message": one made for one purpose is
  // worthless for any other.
  std::string Sign(std::string_view purpose, std::string_view message) const;

 private:
  SigningKey() = default;
  std::array<uint8_t, 64> secret_{};
  std::string public_key_;
};

// False for wrong lengths too: all arguments may be hostile.
bool VerifySignature(std::string_view public_key, std::string_view purpose,
                     std::string_view message, std::string_view signature);

// X25519: who may read it. The secret is wiped when the object goes.
class BoxKey {
 public:
  static BoxKey Generate();
  static absl::StatusOr<BoxKey> FromSecret(
      std::string_view secret);  // 32 bytes
  ~BoxKey();
  BoxKey(const BoxKey&) = default;
  BoxKey& operator=(const BoxKey&) = default;

  const std::string& public_key() const { return public_key_; }  // 32 raw bytes
  std::string secret() const;

 private:
  BoxKey() = default;
  std::array<uint8_t, 32> secret_{};
  std::string public_key_;
};

// Eight bytes that name a public key; not a secret.
std::string KeyId(std::string_view public_key);

// A sealed box that only the owner of `public_key` can open, not even who
// made it. INVALID_ARGUMENT unless the key is 32 bytes and usable.
absl::StatusOr<std::string> SealTo(std::string_view public_key,
                                   std::string_view message);
// PERMISSION_DENIED when the box is not for this key or was changed.
absl::StatusOr<std::string> OpenBox(const BoxKey& key, std::string_view box);

// Random bytes fit for keys, nonces and tokens.
std::string RandomBytes(size_t count);

// Lower-case hex and back; INVALID_ARGUMENT for anything else.
std::string ToHex(std::string_view bytes);
absl::StatusOr<std::string> FromHex(std::string_view hex);

// Reads the key in `path`; where there is none, makes one and writes it
// (hex, mode 0600) so that of two processes that race both get the same.
// DATA_LOSS when the file is there but holds no key: it is never replaced.
absl::StatusOr<SigningKey> LoadOrCreateSigningKey(const std::string& path);
absl::StatusOr<BoxKey> LoadOrCreateBoxKey(const std::string& path);

}  // namespace schoolgate::seal
