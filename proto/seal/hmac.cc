#include "proto/seal/hmac.h"

#include <sodium.h>

namespace schoolgate::seal {
namespace {

const unsigned char* Raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

std::string HmacSha256(std::string_view key, std::string_view message) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, Raw(key), key.size());
  crypto_auth_hmacsha256_update(&state, Raw(message), message.size());
  unsigned char tag[crypto_auth_hmacsha256_BYTES];
  crypto_auth_hmacsha256_final(&state, tag);
  sodium_memzero(&state, sizeof state);
  return std::string(reinterpret_cast<char*>(tag), sizeof tag);
}

}  // namespace schoolgate::seal
