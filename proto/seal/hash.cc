#include "proto/seal/hash.h"

#include <sodium.h>

#include "platform/check.h"

namespace schoolgate::seal {

struct Hasher::State {
  crypto_generichash_state blake;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
  SG_CHECK(sodium_init() >= 0);
  crypto_generichash_init(&state_->blake, nullptr, 0, kHashBytes);
}

Hasher::~Hasher() = default;

void Hasher::Add(std::string_view bytes) {
  crypto_generichash_update(&state_->blake,
                            reinterpret_cast<const uint8_t*>(bytes.data()),
                            bytes.size());
}

std::string Hasher::Finish() {
  std::string hash(kHashBytes, '\0');
  crypto_generichash_final(&state_->blake,
                           reinterpret_cast<uint8_t*>(hash.data()), kHashBytes);
  return hash;
}

}  // namespace schoolgate::seal
