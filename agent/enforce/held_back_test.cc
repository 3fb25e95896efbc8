// Half a hello must not reach a server before the whole is judged; and nobody
// who speaks slowly may be kept waiting for long.
#include "agent/enforce/held_back.h"

#include <gtest/gtest.h>

#include "agent/enforce/kernel_table.h"
#include "agent/enforce/scripted_gate_test.h"

namespace schoolgate::agent {
namespace {

class HeldBackTest : public GateTest {
 protected:
  HeldBackTest() { step_us_ = 1000; }

  // Gives the number of the packet with these bytes of the hello.
  size_t Say(const std::string& hello, size_t from, size_t bytes,
             uint16_t port = 443) {
    VerdictOn(TcpSegment(0x18, port, static_cast<uint32_t>(100 + from),
                         hello.substr(from, bytes)));
    return kernel_.packets.size() - 1;
  }
};

TEST_F(HeldBackTest, NothingOfARefusedHelloReachesItsServer) {
  const std::string hello = ClientHello(kBlocked);
  const size_t first = Say(hello, 0, 40);
  const size_t second = Say(hello, 40, 40);
  EXPECT_TRUE(VerdictOnPacket(first).waits);
  EXPECT_TRUE(VerdictOnPacket(second).waits);
  EXPECT_TRUE(gate_.holds_back());
  const size_t rest = Say(hello, 80, 1000);
  EXPECT_TRUE(VerdictOnPacket(first).dropped);
  EXPECT_TRUE(VerdictOnPacket(second).dropped);
  EXPECT_NE(VerdictOnPacket(rest).mark & kMarkBlock, 0u);
  EXPECT_FALSE(gate_.holds_back());
}

TEST_F(HeldBackTest, AnOpenHelloGoesOnWhenItIsThere) {
  const std::string hello = ClientHello(kOpen);
  const size_t first = Say(hello, 0, 40);
  EXPECT_TRUE(VerdictOnPacket(first).waits);
  const size_t rest = Say(hello, 40, 1000);
  EXPECT_EQ(VerdictOnPacket(first).mark, 0x42u);
  EXPECT_EQ(VerdictOnPacket(rest).mark, 0x42u | kMarkAwaited);
}

TEST_F(HeldBackTest, WhoSpeaksSlowlyWaitsOnce) {
  const std::string hello = ClientHello(kBlocked);
  const size_t first = Say(hello, 0, 40);
  now_us_ += HeldBack::kMaxWaitUs - 1;
  gate_.Serve(now_us_);
  EXPECT_TRUE(VerdictOnPacket(first).waits);
  gate_.Serve(++now_us_);
  EXPECT_EQ(VerdictOnPacket(first).mark, 0x42u);
  EXPECT_EQ(VerdictOnPacket(Say(hello, 40, 40)).mark, 0x42u);
  EXPECT_NE(VerdictOnPacket(Say(hello, 80, 1000)).mark & kMarkBlock, 0u);
}

TEST_F(HeldBackTest, AClockThatIsSetBackHoldsNobody) {
  const size_t first = Say(ClientHello(kOpen), 0, 40);
  gate_.Serve(now_us_ - 1);
  EXPECT_EQ(VerdictOnPacket(first).mark, 0x42u);
}

TEST_F(HeldBackTest, PacketsWaitUpToTheLimitAndNoMore) {
  step_us_ = 1;
  const std::string hello = ClientHello(kOpen);
  for (uint16_t i = 0; i < HeldBack::kMaxPackets; ++i) {
    EXPECT_TRUE(VerdictOnPacket(Say(hello, 0, 40, 2000 + i)).waits);
  }
  EXPECT_EQ(VerdictOnPacket(Say(hello, 0, 40, 1999)).mark, 0x42u);
  gate_.LetGo();
  for (size_t i = 0; i < HeldBack::kMaxPackets; ++i) {
    EXPECT_EQ(VerdictOnPacket(i).mark, 0x42u);
  }
}

// When its judge has died, what was held is asked again, and may come after
// what had not been asked.
TEST_F(HeldBackTest, TheFirstPieceMayComeLast) {
  for (const std::string name : {kBlocked, kOpen}) {
    const std::string hello = ClientHello(name);
    kernel_.mark = 0x42;
    const uint16_t port = name == kOpen ? 443 : 8443;
    EXPECT_EQ(VerdictOnPacket(Say(hello, 40, 1000, port)).mark, 0x42u);
    kernel_.mark = 0x42 | kMarkWatch;
    const auto& verdict = VerdictOnPacket(Say(hello, 0, 40, port));
    EXPECT_FALSE(verdict.waits) << name;
    EXPECT_EQ((verdict.mark & kMarkBlock) != 0, name == kBlocked) << name;
  }
}

// Ports that are used again: the old connection is gone.
TEST_F(HeldBackTest, WhatWaitsGoesWithItsConnection) {
  const size_t first = Say(ClientHello(kOpen), 0, 40);
  VerdictOn(TcpSegment(0x02, 443, 99, ""));
  EXPECT_TRUE(VerdictOnPacket(first).dropped);
}

}  // namespace
}  // namespace schoolgate::agent
