// BLAKE2b-256: the hash of everything in a bundle.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace schoolgate::rules {

inline constexpr size_t kDigestBytes = 32;

// 32 bytes.
std::string Digest(std::span<const uint8_t> bytes);

// BLAKE2b-128: enough for the pages of a file whose pages' hashes are hashed.
using PageDigest = std::array<uint8_t, 16>;
PageDigest DigestPage(std::span<const uint8_t> page);

// The same, piece by piece. Not thread-safe.
class DigestStream {
 public:
  DigestStream();
  ~DigestStream();
  void Update(std::span<const uint8_t> bytes);
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace schoolgate::rules
