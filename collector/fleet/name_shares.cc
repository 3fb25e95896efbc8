#include "collector/fleet/name_shares.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "platform/check.h"

namespace schoolgate::collector {
namespace {

using nlohmann::json;

constexpr char kKind[] = "schoolgate name share 1";
constexpr size_t kMinPassphraseBytes = 12;
constexpr size_t kMostHolderBytes = 60;
// About a second in a browser; the passphrases are long and random, so that
// more would add nothing.
constexpr uint64_t kOperations = 2;
constexpr uint64_t kMemoryKib = 32 << 10;
// A file may not ask for more than this of the machine that opens it.
constexpr uint64_t kMaxOperations = 10;
constexpr uint64_t kMaxMemoryKib = 256 << 10;

constexpr size_t kSaltBytes = crypto_pwhash_SALTBYTES;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kLockBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// What the file says in clear. All of it is bound to the share.
struct About {
  std::string school, holder, key;  // the key: public, in hex
  int number = 0, count = 0;

  std::string Bound() const {
    return absl::StrCat(kKind, "\n", school, "\n", holder, "\n", number, "\n",
                        kSharesNeeded, "\n", count, "\n", key);
  }
};

absl::StatusOr<std::string> LockOf(std::string_view passphrase,
                                   std::string_view salt, uint64_t operations,
                                   uint64_t memory_kib) {
  std::string lock(kLockBytes, '\0');
  if (crypto_pwhash(reinterpret_cast<uint8_t*>(lock.data()), lock.size(),
                    passphrase.data(), passphrase.size(), Bytes(salt),
                    operations, memory_kib << 10,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError(
        "passphrase: not enough memory: free 32 MB and try again");
  }
  return lock;
}

absl::StatusOr<std::string> Seal(const About& about, std::string_view share,
                                 std::string_view passphrase) {
  const std::string salt = seal::RandomBytes(kSaltBytes);
  const std::string nonce = seal::RandomBytes(kNonceBytes);
  absl::StatusOr<std::string> lock =
      LockOf(passphrase, salt, kOperations, kMemoryKib);
  if (!lock.ok()) return lock.status();
  const std::string bound = about.Bound();
  std::string sealed(share.size() + kTagBytes, '\0');
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      reinterpret_cast<uint8_t*>(sealed.data()), nullptr, Bytes(share),
      share.size(), Bytes(bound), bound.size(), nullptr, Bytes(nonce),
      Bytes(*lock));
  sodium_memzero(lock->data(), lock->size());
  const json file = {{"kind", kKind},
                     {"school", about.school},
                     {"holder", about.holder},
                     {"number", about.number},
                     {"needed", kSharesNeeded},
                     {"of", about.count},
                     {"key", about.key},
                     {"operations", kOperations},
                     {"memory_kib", kMemoryKib},
                     {"salt", seal::ToHex(salt)},
                     {"nonce", seal::ToHex(nonce)},
                     {"sealed", seal::ToHex(sealed)}};
  return file.dump(1) + "\n";
}

absl::Status CheckHolders(std::span<const ShareHolder> holders) {
  std::vector<std::string> names;
  for (const ShareHolder& holder : holders) {
    names.push_back(holder.name);
    if (holder.passphrase.size() < kMinPassphraseBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("passphrase of ", holder.name, ": needs at least ",
                       kMinPassphraseBytes, " characters"));
    }
  }
  return CheckShareHolders(names);
}

// Opens what was just written, so that no key is thrown away that its shares
// do not give back.
absl::Status CheckAll(const seal::BoxKey& key, std::span<const ShareFile> files,
                      std::span<const ShareHolder> holders) {
  std::vector<seal::SecretShare> shares;
  for (size_t i = 0; i < files.size(); ++i) {
    auto share = OpenShareFile(files[i].text, holders[i].passphrase);
    if (!share.ok()) return share.status();
    shares.push_back(*std::move(share));
  }
  for (size_t i = 0; i < shares.size(); ++i) {
    for (size_t j = i + 1; j < shares.size(); ++j) {
      const std::array pair = {shares[i], shares[j]};
      const auto joined = seal::JoinShares(pair);
      if (!joined.ok() || *joined != key.secret()) {
        return absl::InternalError("shares: do not give the key back");
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<About> ReadAbout(const json& file) {
  About about;
  about.school = file.value("school", "");
  about.holder = file.value("holder", "");
  about.key = file.value("key", "");
  about.number = file.value("number", 0);
  about.count = file.value("of", 0);
  if (file.value("kind", "") != kKind || about.number < 1 ||
      about.number > 255 || file.value("needed", 0) != kSharesNeeded) {
    return absl::InvalidArgumentError("not a share file");
  }
  return about;
}

absl::StatusOr<std::string> Unseal(const json& file, const About& about,
                                   std::string_view passphrase) {
  const auto salt = seal::FromHex(file.value("salt", ""));
  const auto nonce = seal::FromHex(file.value("nonce", ""));
  const auto sealed = seal::FromHex(file.value("sealed", ""));
  const uint64_t operations = file.value("operations", uint64_t{0});
  const uint64_t memory = file.value("memory_kib", uint64_t{0});
  if (!salt.ok() || !nonce.ok() || !sealed.ok() || salt->size() != kSaltBytes ||
      nonce->size() != kNonceBytes || sealed->size() <= kTagBytes ||
      operations < 1 || operations > kMaxOperations || memory < 8 ||
      memory > kMaxMemoryKib) {
    return absl::InvalidArgumentError("damaged share file");
  }
  auto lock = LockOf(passphrase, *salt, operations, memory);
  if (!lock.ok()) return lock.status();
  const std::string bound = about.Bound();
  std::string share(sealed->size() - kTagBytes, '\0');
  const int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
      reinterpret_cast<uint8_t*>(share.data()), nullptr, nullptr,
      Bytes(*sealed), sealed->size(), Bytes(bound), bound.size(), Bytes(*nonce),
      Bytes(*lock));
  sodium_memzero(lock->data(), lock->size());
  if (opened != 0) {
    return absl::UnauthenticatedError(
        "passphrase: does not open this share, or the file was changed");
  }
  return share;
}

}  // namespace

absl::Status CheckShareHolders(const std::vector<std::string>& names) {
  std::set<std::string> known;
  for (const std::string& name : names) {
    const bool plain =
        !name.empty() && name.size() <= kMostHolderBytes &&
        std::all_of(name.begin(), name.end(), [](char c) {
          return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                 c == '-' || c == '.';
        });
    if (!plain || !known.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "holder \"", name,
          "\": needs a name of its own, of letters, digits, \"-\" and \".\""));
    }
  }
  if (names.size() < kSharesNeeded) {
    return absl::InvalidArgumentError(
        "holders: a name takes two people: give at least two");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ShareFile>> SplitNameKey(
    const seal::BoxKey& key, const std::string& school,
    std::span<const ShareHolder> holders) {
  SG_CHECK(sodium_init() >= 0);
  if (absl::Status fine = CheckHolders(holders); !fine.ok()) return fine;
  const int count = static_cast<int>(holders.size());
  auto shares = seal::SplitSecret(key.secret(), kSharesNeeded, count);
  if (!shares.ok()) return shares.status();
  std::vector<ShareFile> files;
  for (size_t i = 0; i < holders.size(); ++i) {
    seal::SecretShare& share = (*shares)[i];
    const About about{school, holders[i].name, seal::ToHex(key.public_key()),
                      share.number, count};
    auto text = Seal(about, share.bytes, holders[i].passphrase);
    sodium_memzero(share.bytes.data(), share.bytes.size());
    if (!text.ok()) return text.status();
    files.push_back({holders[i].name, *std::move(text)});
  }
  if (absl::Status fine = CheckAll(key, files, holders); !fine.ok()) {
    return fine;
  }
  return files;
}

absl::StatusOr<seal::SecretShare> OpenShareFile(std::string_view text,
                                                std::string_view passphrase) {
  SG_CHECK(sodium_init() >= 0);
  const json file = json::parse(text, nullptr, false);
  if (!file.is_object()) return absl::InvalidArgumentError("not a share file");
  try {
    const absl::StatusOr<About> about = ReadAbout(file);
    if (!about.ok()) return about.status();
    auto share = Unseal(file, *about, passphrase);
    if (!share.ok()) return share.status();
    return seal::SecretShare{static_cast<uint8_t>(about->number),
                             *std::move(share)};
  } catch (const json::exception&) {  // a field of another type
    return absl::InvalidArgumentError("damaged share file");
  }
}

}  // namespace schoolgate::collector
