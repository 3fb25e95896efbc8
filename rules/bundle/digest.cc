#include "rules/bundle/digest.h"

#include <sodium.h>

namespace schoolgate::rules {

struct DigestStream::State {
  crypto_generichash_state hash;
};

std::string Digest(std::span<const uint8_t> bytes) {
  std::string digest(kDigestBytes, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(digest.data()),
                     digest.size(), bytes.data(), bytes.size(), nullptr, 0);
  return digest;
}

PageDigest DigestPage(std::span<const uint8_t> page) {
  PageDigest digest;
  crypto_generichash(digest.data(), digest.size(), page.data(), page.size(),
                     nullptr, 0);
  return digest;
}

DigestStream::DigestStream() : state_(std::make_unique<State>()) {
  crypto_generichash_init(&state_->hash, nullptr, 0, kDigestBytes);
}

DigestStream::~DigestStream() = default;

void DigestStream::Update(std::span<const uint8_t> bytes) {
  crypto_generichash_update(&state_->hash, bytes.data(), bytes.size());
}

std::string DigestStream::Finish() {
  std::string digest(kDigestBytes, '\0');
  crypto_generichash_final(&state_->hash,
                           reinterpret_cast<unsigned char*>(digest.data()),
                           digest.size());
  return digest;
}

}  // namespace schoolgate::rules
