// Ed25519 over a context and bytes. The context keeps a signature made for
// one kind of file from being good for another.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/trust.pb.h"

namespace schoolgate::rules {

inline constexpr size_t kPublicKeyBytes = 32;
inline constexpr size_t kSeedBytes = 32;
inline constexpr size_t kKeyIdBytes = 32;
inline constexpr size_t kSignatureBytes = 64;

inline constexpr std::string_view kRootContext = "schoolgate root v1";
inline constexpr std::string_view kBundleContext =
    "schoolgate bundle manifest v1";
inline constexpr std::string_view kLockedContext = "schoolgate locked v1";
inline constexpr std::string_view kPassContext = "schoolgate pass v1";
inline constexpr std::string_view kEmergencyContext = "schoolgate emergency v1";
inline constexpr std::string_view kTimestampContext = "schoolgate timestamp v1";

// BLAKE2b-256.
std::string Hash256(std::string_view bytes);
std::string KeyId(std::string_view public_key);

// Lower-case hexadecimal of the whole.
std::string Hex(std::string_view bytes);
// The first 16 hexadecimal digits: what people read out to each other.
std::string ShortId(std::string_view key_id);

bool SignatureFits(std::string_view context, std::string_view bytes,
                   std::string_view public_key, std::string_view signature);

// The secret half of a key. Wiped when destroyed; movable, never copied.
class SigningKey {
 public:
  static SigningKey Generate();
  // `seed` has kSeedBytes bytes.
  static SigningKey FromSeed(std::string_view seed);

  ~SigningKey();
  SigningKey(SigningKey&& other) noexcept;
  SigningKey& operator=(SigningKey&& other) noexcept;
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;

  const std::string& public_key() const { return public_key_; }
  std::string key_id() const { return KeyId(public_key_); }
  std::string_view seed() const;

  v1::TrustSignature Sign(std::string_view context,
                          std::string_view bytes) const;

 private:
  SigningKey() = default;

  std::array<uint8_t, 64> secret_{};  // seed, then public key
  std::string public_key_;
};

}  // namespace schoolgate::rules
