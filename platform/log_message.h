// NFLOG's dialect of netlink: what the kernel tells of a packet that it saw.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "platform/packet_source.h"

namespace schoolgate::platform {

struct Logged {
  Packet packet;                   // without time and frame; borrows the bytes
  std::optional<uint32_t> number;  // of the kernel's messages to this group
};

// Takes the first message off `bytes`, which is what the kernel sent at once.
// False when it is about no packet; then `bytes` still lose it. They end up
// empty when nothing in them adds up.
bool TakeLogMessage(std::span<const uint8_t>* bytes, Logged* logged);

}  // namespace schoolgate::platform
