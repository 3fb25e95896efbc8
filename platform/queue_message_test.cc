#include "platform/queue_message.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <cstring>
#include <string>

#include "platform/virtual_port.h"

namespace schoolgate::platform {
namespace {

using Buffer = std::vector<uint8_t>;

uint32_t NumberAt(std::span<const uint8_t> bytes, size_t at) {
  uint32_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

void Put(Buffer& to, uint16_t type, const Buffer& payload) {
  const uint16_t head[] = {static_cast<uint16_t>(4 + payload.size()), type};
  const auto* bytes = reinterpret_cast<const uint8_t*>(head);
  to.insert(to.end(), bytes, bytes + sizeof(head));
  to.insert(to.end(), payload.begin(), payload.end());
  to.resize((to.size() + 3) / 4 * 4);
}

// As Linux 6.18 writes it: packet 7 at OUTPUT, mark 5, uid 1001, five bytes,
// out by port 12 of a bridge.
Buffer PacketMessage() {
  Buffer message(16 + 4);
  message[4] = 0;  // NFQNL_MSG_PACKET
  message[5] = 3;  // NFNL_SUBSYS_QUEUE
  Put(message, 1, {0, 0, 0, 7, 0x08, 0, 3});
  Put(message, 3, {0, 0, 0, 5});
  Put(message, 16, {0, 0, 0x03, 0xe9});
  Put(message, 8, {0, 0, 0, 12});
  Put(message, 10, {1, 2, 3, 4, 5});
  const auto size = static_cast<uint32_t>(message.size());
  std::memcpy(message.data(), &size, sizeof(size));
  return message;
}

TEST(QueueMessage, SaysWhatTheKernelHolds) {
  HeldByKernel held;
  const Buffer message = PacketMessage();
  ASSERT_TRUE(ReadHeldMessage(message, &held));
  EXPECT_EQ(held.id, 7u);
  EXPECT_EQ(held.mark, 5u);
  EXPECT_EQ(held.uid, 1001u);
  EXPECT_EQ(held.bridged_to, 12u);
  EXPECT_EQ(held.at, HeldAt::kOutput);
  EXPECT_EQ(Buffer(held.bytes.begin(), held.bytes.end()),
            (Buffer{1, 2, 3, 4, 5}));
}

TEST(VirtualPort, ALoopbackOrNoInterfaceIsNone) {
  EXPECT_FALSE(IsVirtualPort(0));
  EXPECT_FALSE(IsVirtualPort(if_nametoindex("lo")));
  EXPECT_FALSE(IsVirtualPort(0x7fffffff));
}

// Otherwise half a message would be judged, or read past its end.
TEST(QueueMessage, WhatDoesNotAddUpIsNoPacket) {
  const Buffer whole = PacketMessage();
  HeldByKernel held;
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ReadHeldMessage({whole.data(), size}, &held)) << size;
  }
  Buffer other = whole;
  other[5] = 2;
  EXPECT_FALSE(ReadHeldMessage(other, &held));
  Buffer long_attribute = whole;
  long_attribute[20] = 0xff;
  EXPECT_FALSE(ReadHeldMessage(long_attribute, &held));
}

TEST(QueueMessage, VerdictsStandOneAfterTheOther) {
  VerdictMessages verdicts(7077);
  verdicts.Drop(1);
  const size_t first = verdicts.bytes().size();
  const Buffer instead = {9, 9, 9};
  verdicts.Accept(2, 0x10000000, instead);
  const auto bytes = verdicts.bytes();
  EXPECT_EQ(NumberAt(bytes, 0), first);
  EXPECT_EQ(NumberAt(bytes, first), bytes.size() - first);
  EXPECT_EQ(bytes[first + 5], 3);
  EXPECT_EQ(ntohl(NumberAt(bytes, 24)), 0u);          // NF_DROP
  EXPECT_EQ(ntohl(NumberAt(bytes, 28)), 1u);          // which
  EXPECT_EQ(ntohl(NumberAt(bytes, first + 24)), 1u);  // NF_ACCEPT
  EXPECT_EQ(ntohl(NumberAt(bytes, first + 28)), 2u);
  EXPECT_EQ(ntohl(NumberAt(bytes, first + 36)), 0x10000000u);
  EXPECT_EQ(bytes[first + 44], 9);
  EXPECT_EQ(bytes.size() % 4, 0u);
  verdicts.Clear();
  EXPECT_TRUE(verdicts.bytes().empty());
}

}  // namespace
}  // namespace schoolgate::platform
