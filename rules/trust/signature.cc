#include "rules/trust/signature.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "platform/check.h"

namespace schoolgate::rules {
namespace {

static_assert(crypto_sign_PUBLICKEYBYTES == kPublicKeyBytes);
static_assert(crypto_sign_SEEDBYTES == kSeedBytes);
static_assert(crypto_sign_BYTES == kSignatureBytes);
static_assert(crypto_sign_SECRETKEYBYTES == 64);

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

uint8_t* Bytes(std::string& text) {
  return reinterpret_cast<uint8_t*>(text.data());
}

std::string Message(std::string_view context, std::string_view bytes) {
  std::string message(context);
  message.push_back('\0');
  message.append(bytes);
  return message;
}

}  // namespace

std::string Hash256(std::string_view bytes) {
  SG_CHECK(sodium_init() >= 0);
  std::string hash(kKeyIdBytes, '\0');
  crypto_generichash(Bytes(hash), hash.size(), Bytes(bytes), bytes.size(),
                     nullptr, 0);
  return hash;
}

std::string KeyId(std::string_view public_key) { return Hash256(public_key); }

std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

std::string ShortId(std::string_view key_id) {
  return Hex(key_id.substr(0, 8));
}

bool SignatureFits(std::string_view context, std::string_view bytes,
                   std::string_view public_key, std::string_view signature) {
  SG_CHECK(sodium_init() >= 0);
  if (public_key.size() != kPublicKeyBytes) return false;
  if (signature.size() != kSignatureBytes) return false;
  const std::string message = Message(context, bytes);
  return crypto_sign_verify_detached(Bytes(signature), Bytes(message),
                                     message.size(), Bytes(public_key)) == 0;
}

SigningKey SigningKey::Generate() {
  SG_CHECK(sodium_init() >= 0);
  std::string seed(kSeedBytes, '\0');
  randombytes_buf(seed.data(), seed.size());
  SigningKey key = FromSeed(seed);
  sodium_memzero(seed.data(), seed.size());
  return key;
}

SigningKey SigningKey::FromSeed(std::string_view seed) {
  SG_CHECK(sodium_init() >= 0);
  SG_CHECK(seed.size() == kSeedBytes);
  SigningKey key;
  key.public_key_.assign(kPublicKeyBytes, '\0');
  SG_CHECK(crypto_sign_seed_keypair(Bytes(key.public_key_), key.secret_.data(),
                                    Bytes(seed)) == 0);
  return key;
}

SigningKey::~SigningKey() { sodium_memzero(secret_.data(), secret_.size()); }

SigningKey::SigningKey(SigningKey&& other) noexcept
    : secret_(other.secret_), public_key_(std::move(other.public_key_)) {
  sodium_memzero(other.secret_.data(), other.secret_.size());
}

SigningKey& SigningKey::operator=(SigningKey&& other) noexcept {
  if (this == &other) return *this;
  secret_ = other.secret_;
  public_key_ = std::move(other.public_key_);
  sodium_memzero(other.secret_.data(), other.secret_.size());
  return *this;
}

std::string_view SigningKey::seed() const {
  return {reinterpret_cast<const char*>(secret_.data()), kSeedBytes};
}

v1::TrustSignature SigningKey::Sign(std::string_view context,
                                    std::string_view bytes) const {
  const std::string message = Message(context, bytes);
  std::string signature(kSignatureBytes, '\0');
  crypto_sign_detached(Bytes(signature), nullptr, Bytes(message),
                       message.size(), secret_.data());
  v1::TrustSignature signed_by;
  signed_by.set_key_id(key_id());
  signed_by.set_signature(signature);
  return signed_by;
}

}  // namespace schoolgate::rules
