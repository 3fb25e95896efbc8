// Which user owns a local socket: the kernel's sock_diag, asked for exactly
// one connection.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"

namespace schoolgate::platform {

// One end of a connection; IPv4 as ::ffff:a.b.c.d.
struct SocketAddress {
  std::array<uint8_t, 16> address{};
  uint16_t port = 0;
};

struct SocketOwner {
  uint32_t uid = 0;
  uint64_t inode = 0;  // of the socket; finds the process in /proc
};

// Not thread-safe.
class SocketOwners {
 public:
  virtual ~SocketOwners() = default;

  // Nothing when no such socket is open here (any more), or `local` is an
  // address of another machine or network namespace.
  virtual std::optional<SocketOwner> Find(bool tcp, const SocketAddress& local,
                                          const SocketAddress& remote) = 0;

  // Whether the address is one of this machine's; may be a second late.
  virtual bool IsLocal(const std::array<uint8_t, 16>& address) = 0;
};

// Needs no privileges. UNAVAILABLE when the kernel has no sock_diag.
absl::StatusOr<std::unique_ptr<SocketOwners>> OpenSocketOwners();

}  // namespace schoolgate::platform
