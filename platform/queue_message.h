// NFQUEUE's dialect of netlink: what the kernel says of a packet that it
// holds, and what we answer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "platform/packet_gate.h"

namespace schoolgate::platform {

// The first message in `bytes`; false when it is about no packet or does not
// add up. `held` borrows the bytes.
bool ReadHeldMessage(std::span<const uint8_t> bytes, HeldByKernel* held);

// Verdicts, one message each, to be sent together.
class VerdictMessages {
 public:
  explicit VerdictMessages(uint16_t queue) : queue_(queue) {}

  // NF_ACCEPT with `mark`, and `instead` in the packet's place unless it is
  // empty.
  void Accept(uint32_t id, uint32_t mark, std::span<const uint8_t> instead);
  void Drop(uint32_t id);

  std::span<const uint8_t> bytes() const { return bytes_; }
  void Clear() { bytes_.clear(); }

 private:
  void Begin(uint32_t id, uint32_t verdict);
  void Attribute(uint16_t type, std::span<const uint8_t> payload);
  void End();

  const uint16_t queue_;
  size_t began_ = 0;
  std::vector<uint8_t> bytes_;
};

}  // namespace schoolgate::platform
