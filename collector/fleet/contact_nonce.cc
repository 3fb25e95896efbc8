#include "collector/fleet/contact_nonce.h"

#include <sodium.h>

#include <algorithm>
#include <optional>

#include "proto/seal/little_endian.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kNumberBytes = 8;
constexpr size_t kProofBytes = 16;

// What we stored: the number given last, and the number shown last.
struct State {
  uint64_t given = 0;
  uint64_t shown = 0;
};

State Parse(std::string_view bytes) {
  if (bytes.size() != 2 * kNumberBytes) return {};
  return {seal::GetLittle<uint64_t>(bytes, 0),
          seal::GetLittle<uint64_t>(bytes, kNumberBytes)};
}

std::string Nonce(std::string_view secret, std::string_view device,
                  uint64_t number) {
  std::string nonce;
  seal::PutLittle<uint64_t>(nonce, number);
  std::string message = nonce;
  message += device;
  unsigned char proof[kProofBytes];
  const size_t key_bytes =
      std::min<size_t>(secret.size(), crypto_generichash_KEYBYTES_MAX);
  crypto_generichash(
      proof, sizeof proof,
      reinterpret_cast<const unsigned char*>(message.data()), message.size(),
      reinterpret_cast<const unsigned char*>(secret.data()), key_bytes);
  nonce.append(reinterpret_cast<char*>(proof), sizeof proof);
  return nonce;
}

std::optional<uint64_t> NumberIn(std::string_view secret,
                                 std::string_view device,
                                 std::string_view shown) {
  if (shown.size() != kNumberBytes + kProofBytes) return std::nullopt;
  const uint64_t number = seal::GetLittle<uint64_t>(shown, 0);
  const std::string real = Nonce(secret, device, number);
  if (sodium_memcmp(real.data(), shown.data(), real.size()) != 0) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

ContactStep NextContact(std::string_view secret, std::string_view device,
                        std::string_view state_bytes, std::string_view shown) {
  State state = Parse(state_bytes);
  ContactStep step;
  const std::optional<uint64_t> number = NumberIn(secret, device, shown);
  if (!number) {
    if (state.given > 1) step.verdict = ContactVerdict::kForgotten;
    state.shown = state.given;
  } else if (*number == state.given) {
    state.shown = *number;
  } else if (*number > state.given) {
    step.verdict = ContactVerdict::kAhead;
    state.given = state.shown = *number;
  } else if (*number == state.shown) {
    step.verdict = ContactVerdict::kRepeated;
  } else {
    step.verdict = ContactVerdict::kClone;
    return step;
  }
  ++state.given;
  seal::PutLittle<uint64_t>(step.state, state.given);
  seal::PutLittle<uint64_t>(step.state, state.shown);
  step.give = Nonce(secret, device, state.given);
  return step;
}

}  // namespace schoolgate::collector
