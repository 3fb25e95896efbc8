// BLAKE2b-256, in pieces: how bundles are named on the wire.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace schoolgate::seal {

inline constexpr size_t kHashBytes = 32;

// Not thread-safe.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  void Add(std::string_view bytes);
  // 32 raw bytes of all that was added. Ends the hasher.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace schoolgate::seal
