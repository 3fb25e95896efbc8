// A message that is read wrongly puts a contact down to somebody else, or
// reads past what the kernel sent.
#include "platform/log_message.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace schoolgate::platform {
namespace {

using Buffer = std::vector<uint8_t>;

void Put(Buffer& to, uint16_t type, const Buffer& payload) {
  const uint16_t head[] = {static_cast<uint16_t>(4 + payload.size()), type};
  const auto* bytes = reinterpret_cast<const uint8_t*>(head);
  to.insert(to.end(), bytes, bytes + sizeof(head));
  to.insert(to.end(), payload.begin(), payload.end());
  to.resize((to.size() + 3) / 4 * 4);
}

// As Linux 6.18 writes it: a packet at `hook` of uid 1001, message `number`,
// that stands for sixteen.
Buffer PacketMessage(uint8_t hook, uint8_t number) {
  Buffer message(16 + 4);
  message[4] = 0;  // NFULNL_MSG_PACKET
  message[5] = 4;  // NFNL_SUBSYS_ULOG
  Put(message, 1, {0x08, 0, hook, 0});
  Put(message, 10, {'x', '1', '6', 0});
  Put(message, 11, {0, 0, 0x03, 0xe9});
  Put(message, 12, {0, 0, 0, number});
  Put(message, 9, {0x45, 0, 0x05, 0xdc, 1, 2, 3});
  const auto size = static_cast<uint32_t>(message.size());
  std::memcpy(message.data(), &size, sizeof(size));
  return message;
}

TEST(LogMessage, SaysWhatTheKernelSaw) {
  Buffer both = PacketMessage(3, 8);
  const Buffer second = PacketMessage(1, 9);
  both.insert(both.end(), second.begin(), second.end());
  std::span<const uint8_t> left = both;
  Logged logged;
  ASSERT_TRUE(TakeLogMessage(&left, &logged));
  EXPECT_EQ(logged.packet.uid, 1001u);
  EXPECT_EQ(logged.packet.direction, Direction::kOut);
  EXPECT_EQ(logged.packet.stands_for, 16);
  EXPECT_EQ(logged.packet.wire_bytes, 1500u);
  EXPECT_EQ(logged.packet.bytes.size(), 7u);
  EXPECT_EQ(logged.number, 8u);
  ASSERT_TRUE(TakeLogMessage(&left, &logged));
  EXPECT_EQ(logged.packet.direction, Direction::kIn);
  EXPECT_EQ(logged.number, 9u);
  EXPECT_TRUE(left.empty());
}

TEST(LogMessage, WhatDoesNotAddUpIsPassedOver) {
  const Buffer whole = PacketMessage(3, 1);
  Logged logged;
  for (size_t size = 0; size < whole.size(); ++size) {
    std::span<const uint8_t> left(whole.data(), size);
    EXPECT_FALSE(TakeLogMessage(&left, &logged)) << size;
    EXPECT_TRUE(left.empty());
  }
  Buffer other = whole;
  other[5] = 3;  // another of netfilter's, then ours
  other.insert(other.end(), whole.begin(), whole.end());
  std::span<const uint8_t> left = other;
  EXPECT_FALSE(TakeLogMessage(&left, &logged));
  EXPECT_TRUE(TakeLogMessage(&left, &logged));
}

}  // namespace
}  // namespace schoolgate::platform
