// What a flow is known by here: its transport and both ends.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "agent/observe/observation.h"

namespace schoolgate::agent {

// In one piece, so that a table of them needs no memory of its own for each.
// Hashed with a key that is another in each run: nobody can choose ports that
// collide.
class FlowEnds {
 public:
  FlowEnds(Transport transport, const Endpoint& client,
           const Endpoint& server) {
    bytes_[0] = static_cast<uint8_t>(transport);
    auto to = bytes_.begin() + 1;
    for (const Endpoint* end : {&client, &server}) {
      to = std::copy(end->address.begin(), end->address.end(), to);
      *to++ = static_cast<uint8_t>(end->port >> 8);
      *to++ = static_cast<uint8_t>(end->port);
    }
  }

  bool operator==(const FlowEnds&) const = default;

  template <typename H>
  friend H AbslHashValue(H hash, const FlowEnds& ends) {
    return H::combine_contiguous(std::move(hash), ends.bytes_.data(),
                                 ends.bytes_.size());
  }

 private:
  std::array<uint8_t, 37> bytes_{};
};

}  // namespace schoolgate::agent
