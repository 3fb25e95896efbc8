#include "rules/trust/key_file.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "platform/check.h"
#include "rules/trust/armour.h"
#include "rules/trust/roles.h"

namespace schoolgate::rules {
namespace {

// About a second and 256 MB on a laptop: libsodium's MODERATE.
constexpr uint64_t kOperations = crypto_pwhash_OPSLIMIT_MODERATE;
constexpr uint64_t kMemoryBytes = crypto_pwhash_MEMLIMIT_MODERATE;
// A file may not ask for more than this of the machine that opens it.
constexpr uint64_t kMaxOperations = 10;
constexpr uint64_t kMaxMemoryBytes = 1ull << 30;

constexpr size_t kSaltBytes = crypto_pwhash_SALTBYTES;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kSecretKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

absl::Status Damaged(std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "damaged key file: ", absl::string_view(why.data(), why.size())));
}

// The key that the passphrase gives; wiped when it goes.
class PassphraseKey {
 public:
  ~PassphraseKey() { sodium_memzero(key_, sizeof(key_)); }
  PassphraseKey() = default;
  PassphraseKey(const PassphraseKey&) = delete;
  PassphraseKey& operator=(const PassphraseKey&) = delete;

  bool Derive(const v1::SealedKeyFile& file, std::string_view passphrase) {
    return crypto_pwhash(key_, sizeof(key_), passphrase.data(),
                         passphrase.size(), Bytes(file.salt()),
                         file.operations(), file.memory_bytes(),
                         crypto_pwhash_ALG_ARGON2ID13) == 0;
  }
  const uint8_t* bytes() const { return key_; }

 private:
  uint8_t key_[kSecretKeyBytes] = {};
};

absl::Status CheckAbout(const v1::PublicKeyFile& about) {
  const v1::TrustKey& key = about.key();
  if (key.public_key().size() != kPublicKeyBytes) {
    return Damaged("the public key has the wrong length");
  }
  if (key.name().empty() || key.name().size() > kMaxNameBytes ||
      std::any_of(key.name().begin(), key.name().end(),
                  [](unsigned char c) { return c < 32 || c == 127; })) {
    return absl::InvalidArgumentError(
        absl::StrCat("name of the key holder: must be 1 to ", kMaxNameBytes,
                     " printable bytes: give --name"));
  }
  if (OrganisationName(key.organisation()) == "unknown") {
    return absl::InvalidArgumentError(
        "organisation: unknown: use provider, school or authority");
  }
  if (about.roles().empty()) {
    return absl::InvalidArgumentError("role: none given: give --role");
  }
  for (const int role : about.roles()) {
    if (RoleName(static_cast<v1::TrustRole>(role)) == "unknown") {
      return Damaged("it names an unknown role");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::SealedKeyFile> ParseSealed(std::string_view text) {
  auto bytes = Unarmour(kSecretKeyLabel, text);
  if (!bytes.ok()) return bytes.status();
  v1::SealedKeyFile file;
  if (!file.ParseFromString(*bytes)) return Damaged("unreadable content");
  if (file.plain()) {
    if (file.secret().size() != kSeedBytes) return Damaged("wrong length");
    return file;
  }
  if (file.salt().size() != kSaltBytes || file.nonce().size() != kNonceBytes ||
      file.secret().size() != kSeedBytes + kTagBytes) {
    return Damaged("wrong length");
  }
  if (file.operations() < crypto_pwhash_OPSLIMIT_MIN ||
      file.operations() > kMaxOperations ||
      file.memory_bytes() < crypto_pwhash_MEMLIMIT_MIN ||
      file.memory_bytes() > kMaxMemoryBytes) {
    return Damaged("passphrase costs out of range");
  }
  return file;
}

absl::StatusOr<v1::PublicKeyFile> ParseAbout(const std::string& bytes) {
  v1::PublicKeyFile about;
  if (!about.ParseFromString(bytes)) return Damaged("unreadable public part");
  if (absl::Status status = CheckAbout(about); !status.ok()) return status;
  return about;
}

absl::StatusOr<std::string> OpenSecret(const v1::SealedKeyFile& file,
                                       std::string_view passphrase) {
  if (file.plain()) return file.secret();
  PassphraseKey key;
  if (!key.Derive(file, passphrase)) {
    return absl::ResourceExhaustedError(
        "passphrase: not enough memory to check it: free some and try again");
  }
  std::string seed(kSeedBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          reinterpret_cast<uint8_t*>(seed.data()), nullptr, nullptr,
          Bytes(file.secret()), file.secret().size(), Bytes(file.public_file()),
          file.public_file().size(), Bytes(file.nonce()), key.bytes()) != 0) {
    return absl::UnauthenticatedError(
        "passphrase: does not open this key file: try again");
  }
  return seed;
}

}  // namespace

absl::StatusOr<NamedKey> NewKey(std::string_view name,
                                v1::Organisation organisation,
                                const std::vector<v1::TrustRole>& roles) {
  NamedKey key{SigningKey::Generate(), {}};
  v1::TrustKey& part = *key.about.mutable_key();
  part.set_public_key(key.key.public_key());
  part.set_organisation(organisation);
  part.set_name(std::string(name));
  for (const v1::TrustRole role : roles) key.about.add_roles(role);
  if (absl::Status status = CheckAbout(key.about); !status.ok()) return status;
  return key;
}

absl::StatusOr<std::string> SealKeyFile(
    const NamedKey& key, std::optional<std::string_view> passphrase) {
  v1::SealedKeyFile file;
  file.set_public_file(key.about.SerializeAsString());
  if (!passphrase) {
    file.set_plain(true);
    file.set_secret(std::string(key.key.seed()));
    return Armour(kSecretKeyLabel, file.SerializeAsString());
  }
  if (passphrase->size() < kMinPassphraseBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("passphrase: too short: use at least ",
                     kMinPassphraseBytes, " characters, best four words"));
  }
  std::string random(kSaltBytes + kNonceBytes, '\0');
  randombytes_buf(random.data(), random.size());
  file.set_salt(random.substr(0, kSaltBytes));
  file.set_nonce(random.substr(kSaltBytes));
  file.set_operations(kOperations);
  file.set_memory_bytes(kMemoryBytes);
  PassphraseKey sealing;
  if (!sealing.Derive(file, *passphrase)) {
    return absl::ResourceExhaustedError(
        "passphrase: not enough memory to seal the key: free 256 MB");
  }
  std::string sealed(kSeedBytes + kTagBytes, '\0');
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      reinterpret_cast<uint8_t*>(sealed.data()), nullptr, Bytes(key.key.seed()),
      kSeedBytes, Bytes(file.public_file()), file.public_file().size(), nullptr,
      Bytes(file.nonce()), sealing.bytes());
  file.set_secret(sealed);
  return Armour(kSecretKeyLabel, file.SerializeAsString());
}

absl::StatusOr<bool> NeedsPassphrase(std::string_view text) {
  const auto file = ParseSealed(text);
  if (!file.ok()) return file.status();
  return !file->plain();
}

absl::StatusOr<NamedKey> OpenKeyFile(std::string_view text,
                                     std::string_view passphrase) {
  SG_CHECK(sodium_init() >= 0);
  const auto file = ParseSealed(text);
  if (!file.ok()) return file.status();
  auto about = ParseAbout(file->public_file());
  if (!about.ok()) return about.status();
  auto seed = OpenSecret(*file, passphrase);
  if (!seed.ok()) return seed.status();
  NamedKey key{SigningKey::FromSeed(*seed), *std::move(about)};
  sodium_memzero(seed->data(), seed->size());
  if (key.key.public_key() != key.about.key().public_key()) {
    return Damaged("its two halves do not belong together");
  }
  return key;
}

absl::StatusOr<v1::PublicKeyFile> ReadPublicPart(std::string_view text) {
  if (ArmourLabel(text) == kPublicKeyLabel) {
    const auto bytes = Unarmour(kPublicKeyLabel, text);
    if (!bytes.ok()) return bytes.status();
    return ParseAbout(*bytes);
  }
  const auto file = ParseSealed(text);
  if (!file.ok()) return file.status();
  return ParseAbout(file->public_file());
}

std::string PublicKeyText(const v1::PublicKeyFile& about) {
  return Armour(kPublicKeyLabel, about.SerializeAsString());
}

}  // namespace schoolgate::rules
