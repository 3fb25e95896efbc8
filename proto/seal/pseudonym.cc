#include "proto/seal/pseudonym.h"

#include <sodium.h>

#include <cstdint>

#include "platform/check.h"

namespace schoolgate::seal {
namespace {

constexpr size_t kCharacters = 8;
constexpr char kCrockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

}  // namespace

std::string Pseudonym(std::string_view school_key, std::string_view login) {
  SG_CHECK(sodium_init() >= 0);
  // A key of another length than 32 is hashed to one, so that any key works.
  uint8_t key[32];
  crypto_generichash(key, sizeof key,
                     reinterpret_cast<const uint8_t*>(school_key.data()),
                     school_key.size(), nullptr, 0);
  std::string message = "schoolgate pseudonym 1";
  message.push_back('\0');
  for (char c : login) {
    message.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  uint8_t hash[16];
  crypto_generichash(hash, sizeof hash,
                     reinterpret_cast<const uint8_t*>(message.data()),
                     message.size(), key, sizeof key);
  sodium_memzero(key, sizeof key);
  uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) bits = bits << 8 | hash[i];
  std::string pseudonym = "P-";
  for (size_t i = 0; i < kCharacters; ++i) {
    pseudonym.push_back(kCrockford[bits >> 59]);
    bits <<= 5;
  }
  return pseudonym;
}

}  // namespace schoolgate::seal
