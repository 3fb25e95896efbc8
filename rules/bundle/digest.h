// BLAKE2b-256: the hash of everything in a bundle.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace schoolgate::rules {

inline constexpr size_t kDigestBytes = 32;

// 32 bytes.
std::string Digest(std::span<const uint8_t> bytes);

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
