// Sends whole IP packets, whoever they claim to come from: the answers that a
// held packet gets in place of its server's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"

namespace schoolgate::platform {

// Not thread-safe.
class PacketSender {
 public:
  virtual ~PacketSender() = default;

  // One IPv4 or IPv6 packet with right checksums; never waits. False when the
  // kernel does not take it.
  virtual bool Send(std::span<const uint8_t> packet) = 0;
};

// Every packet sent carries `mark`, so that the packet filter knows it.
// PERMISSION_DENIED without CAP_NET_RAW and CAP_NET_ADMIN.
absl::StatusOr<std::unique_ptr<PacketSender>> OpenPacketSender(uint32_t mark);

}  // namespace schoolgate::platform
