#include "collector/fleet/token.h"

#include <sodium.h>

#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

constexpr std::string_view kPrefix = "sg1.";
constexpr size_t kIdBytes = 4;
constexpr size_t kSecretBytes = 20;

}  // namespace

TokenText MakeToken() {
  return {seal::ToHex(seal::RandomBytes(kIdBytes)),
          seal::ToHex(seal::RandomBytes(kSecretBytes))};
}

std::string Join(const TokenText& token) {
  return std::string(kPrefix) + token.id + "." + token.secret;
}

std::optional<TokenText> ParseToken(std::string_view text) {
  constexpr size_t kIdEnd = kPrefix.size() + 2 * kIdBytes;
  if (text.size() != kIdEnd + 1 + 2 * kSecretBytes ||
      text.substr(0, kPrefix.size()) != kPrefix || text[kIdEnd] != '.') {
    return std::nullopt;
  }
  return TokenText{std::string(text.substr(kPrefix.size(), 2 * kIdBytes)),
                   std::string(text.substr(kIdEnd + 1))};
}

std::string HashOfSecret(const std::string& secret) {
  std::string hash(crypto_generichash_BYTES, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                     reinterpret_cast<const unsigned char*>(secret.data()),
                     secret.size(), nullptr, 0);
  return hash;
}

bool SecretFits(const std::string& hash, const std::string& secret) {
  const std::string actual = HashOfSecret(secret);
  return hash.size() == actual.size() &&
         sodium_memcmp(hash.data(), actual.data(), hash.size()) == 0;
}

}  // namespace schoolgate::collector
