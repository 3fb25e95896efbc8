// Why a connection yields no usable name. Counted per flow and sent with the
// heartbeat, so that a school knows what its filter cannot see.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/capture/segment.h"

namespace schoolgate::agent {

enum class Blind : uint8_t {
  kNone,
  kEch,  // the name is a cover for a hidden one
  kDoh,  // names are asked inside HTTPS, of a known resolver
  kDot,
  kDoq,
  kVpn,  // WireGuard, OpenVPN, IPsec
  kTor,
  kDirectAddress,  // no name, and no name was ever resolved to the address
  kNoSni,
  kParseFailure,  // started like a hello, did not hold together
  kMissedStart,   // a name-bearing port, but its first bytes were not seen
};
inline constexpr size_t kBlindCauses = 11;

// "ech", "doh", ...
std::string_view BlindName(Blind cause);

// Hosts that answer DNS over HTTPS, TLS or QUIC for everybody.
bool IsPublicResolver(std::string_view name);
bool IsPublicResolver(const Address& address);

// Names that browsers show in place of the hidden one.
bool IsEchCover(std::string_view name);

// What a first datagram of a flow is by its bytes: VPN or nothing.
bool LooksLikeVpn(Bytes datagram, uint16_t src_port, uint16_t dst_port);

// A hello as Tor makes it: a random name under www and .com, on a relay port.
bool LooksLikeTor(std::string_view name, uint16_t server_port);

// Which addresses were answers to somebody's question: a fixed-size set that
// forgets the oldest by overwriting. Rarely says yes wrongly (2^-16).
class ResolvedAddresses {
 public:
  static constexpr size_t kSlots = 1 << 14;

  // True when another address had to make room.
  bool Add(const Address& address);
  bool Contains(const Address& address) const;
  bool empty() const { return added_ == 0; }

 private:
  std::array<uint32_t, kSlots> slots_{};
  uint64_t added_ = 0;
};

// Public names of ECH configurations that were handed out: hellos that carry
// one hide another name.
class CoverNames {
 public:
  static constexpr size_t kSlots = 1 << 10;

  // True when another name had to make room.
  bool Add(std::string_view name);
  bool Contains(std::string_view name) const;

 private:
  std::array<uint32_t, kSlots> slots_{};
};

}  // namespace schoolgate::agent
