#include "proto/seal/keys.h"

#include <sodium.h>

#include "platform/check.h"
#include "platform/whole_file.h"

namespace schoolgate::seal {
namespace {

constexpr size_t kSeedBytes = crypto_sign_SEEDBYTES;
constexpr size_t kKeyFileLimit = 1024;
static_assert(kPublicKeyBytes == crypto_sign_PUBLICKEYBYTES);
static_assert(kPublicKeyBytes == crypto_box_PUBLICKEYBYTES);
static_assert(kSignatureBytes == crypto_sign_BYTES);

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

uint8_t* Bytes(std::string& text) {
  return reinterpret_cast<uint8_t*>(text.data());
}

void Start() { SG_CHECK(sodium_init() >= 0); }

std::string Framed(std::string_view purpose, std::string_view message) {
  std::string framed(purpose);
  framed.push_back('\0');
  framed.append(message);
  return framed;
}

// The 32 secret bytes in a key file, whoever created it.
absl::StatusOr<std::string> LoadOrCreateSecret(const std::string& path) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto text = platform::ReadWholeFile(path, kKeyFileLimit);
    if (text.ok()) {
      while (!text->empty() && text->back() == '\n') text->pop_back();
      auto secret = FromHex(*text);
      sodium_memzero(text->data(), text->size());
      if (!secret.ok() || secret->size() != kSeedBytes) {
        return absl::DataLossError(
            path +
            ": holds no key: restore it from a backup, or move it away "
            "and enrol again");
      }
      return secret;
    }
    if (!absl::IsNotFound(text.status())) return text.status();
    std::string fresh = ToHex(RandomBytes(kSeedBytes)) + "\n";
    absl::Status created = platform::CreateFile(path, fresh, 0600);
    sodium_memzero(fresh.data(), fresh.size());
    if (!created.ok() && !absl::IsAlreadyExists(created)) return created;
  }
  return absl::AbortedError(path + ": came and went while it was read");
}

}  // namespace

SigningKey SigningKey::Generate() { return *FromSeed(RandomBytes(kSeedBytes)); }

absl::StatusOr<SigningKey> SigningKey::FromSeed(std::string_view seed) {
  Start();
  if (seed.size() != kSeedBytes) {
    return absl::InvalidArgumentError("signing key: not 32 bytes");
  }
  SigningKey key;
  key.public_key_.resize(kPublicKeyBytes);
  crypto_sign_seed_keypair(Bytes(key.public_key_), key.secret_.data(),
                           Bytes(seed));
  return key;
}

SigningKey::~SigningKey() { sodium_memzero(secret_.data(), secret_.size()); }

std::string SigningKey::seed() const {
  std::string seed(kSeedBytes, '\0');
  crypto_sign_ed25519_sk_to_seed(Bytes(seed), secret_.data());
  return seed;
}

std::string SigningKey::Sign(std::string_view purpose,
                             std::string_view message) const {
  const std::string framed = Framed(purpose, message);
  std::string signature(kSignatureBytes, '\0');
  crypto_sign_detached(Bytes(signature), nullptr, Bytes(framed), framed.size(),
                       secret_.data());
  return signature;
}

bool VerifySignature(std::string_view public_key, std::string_view purpose,
                     std::string_view message, std::string_view signature) {
  Start();
  if (public_key.size() != kPublicKeyBytes) return false;
  if (signature.size() != kSignatureBytes) return false;
  const std::string framed = Framed(purpose, message);
  return crypto_sign_verify_detached(Bytes(signature), Bytes(framed),
                                     framed.size(), Bytes(public_key)) == 0;
}

BoxKey BoxKey::Generate() {
  return *FromSecret(RandomBytes(crypto_box_SECRETKEYBYTES));
}

absl::StatusOr<BoxKey> BoxKey::FromSecret(std::string_view secret) {
  Start();
  BoxKey key;
  if (secret.size() != key.secret_.size()) {
    return absl::InvalidArgumentError("box key: not 32 bytes");
  }
  std::copy(secret.begin(), secret.end(), key.secret_.begin());
  key.public_key_.resize(kPublicKeyBytes);
  SG_CHECK(crypto_scalarmult_base(Bytes(key.public_key_), key.secret_.data()) ==
           0);
  return key;
}

BoxKey::~BoxKey() { sodium_memzero(secret_.data(), secret_.size()); }

std::string BoxKey::secret() const {
  return std::string(secret_.begin(), secret_.end());
}

std::string KeyId(std::string_view public_key) {
  Start();
  uint8_t hash[crypto_generichash_BYTES];
  crypto_generichash(hash, sizeof hash, Bytes(public_key), public_key.size(),
                     nullptr, 0);
  return std::string(hash, hash + kKeyIdBytes);
}

absl::StatusOr<std::string> SealTo(std::string_view public_key,
                                   std::string_view message) {
  Start();
  if (public_key.size() != kPublicKeyBytes) {
    return absl::InvalidArgumentError("public key: not 32 bytes");
  }
  std::string box(crypto_box_SEALBYTES + message.size(), '\0');
  if (crypto_box_seal(Bytes(box), Bytes(message), message.size(),
                      Bytes(public_key)) != 0) {
    return absl::InvalidArgumentError("public key: not a usable point");
  }
  return box;
}

absl::StatusOr<std::string> OpenBox(const BoxKey& key, std::string_view box) {
  const std::string secret = key.secret();
  if (box.size() < crypto_box_SEALBYTES) {
    return absl::PermissionDeniedError("sealed box: too short");
  }
  std::string message(box.size() - crypto_box_SEALBYTES, '\0');
  if (crypto_box_seal_open(Bytes(message), Bytes(box), box.size(),
                           Bytes(key.public_key()), Bytes(secret)) != 0) {
    return absl::PermissionDeniedError(
        "sealed box: not for this key, or changed on the way");
  }
  return message;
}

std::string RandomBytes(size_t count) {
  Start();
  std::string bytes(count, '\0');
  randombytes_buf(bytes.data(), count);
  return bytes;
}

std::string ToHex(std::string_view bytes) {
  std::string hex(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), Bytes(bytes), bytes.size());
  hex.pop_back();
  return hex;
}

absl::StatusOr<std::string> FromHex(std::string_view hex) {
  std::string bytes(hex.size() / 2, '\0');
  size_t length = 0;
  if (hex.size() % 2 != 0 ||
      sodium_hex2bin(Bytes(bytes), bytes.size(), hex.data(), hex.size(),
                     nullptr, &length, nullptr) != 0 ||
      length != bytes.size()) {
    return absl::InvalidArgumentError("not hexadecimal");
  }
  return bytes;
}

absl::StatusOr<SigningKey> LoadOrCreateSigningKey(const std::string& path) {
  auto seed = LoadOrCreateSecret(path);
  if (!seed.ok()) return seed.status();
  auto key = SigningKey::FromSeed(*seed);
  sodium_memzero(seed->data(), seed->size());
  return key;
}

absl::StatusOr<BoxKey> LoadOrCreateBoxKey(const std::string& path) {
  auto secret = LoadOrCreateSecret(path);
  if (!secret.ok()) return secret.status();
  auto key = BoxKey::FromSecret(*secret);
  sodium_memzero(secret->data(), secret->size());
  return key;
}

}  // namespace schoolgate::seal
