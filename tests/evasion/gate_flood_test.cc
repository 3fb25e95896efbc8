// More flows than the gate remembers hide nothing.
#include <gtest/gtest.h>

#include <string>

#include "agent/enforce/kernel_table.h"
#include "tests/evasion/quic_gate_test.h"

namespace schoolgate::agent {
namespace {

class GateFloodTest : public QuicGateTest {
 protected:
  GateFloodTest() { step_us_ = 100; }

  // Connections that anybody may open, without any right: `most` of them.
  void Flood(int most) {
    for (int flow = 0; flow < most; ++flow) {
      const auto from = static_cast<uint16_t>(1024 + flow % 20'000);
      const auto to = static_cast<uint16_t>(10'000 + flow / 20'000);
      VerdictOn(Datagram(from, to, "nothing that anybody knows"));
    }
  }
};

// More flows than the gate remembers, and fewer, or more, than its observer.
constexpr int kForgotten = 3 << 14;
constexpr int kPushedOut = 5 << 14;

// Otherwise whoever opens many connections could say a refused hello again and
// be let through: what the gate judged is forgotten before the name is.
TEST_F(GateFloodTest, ARefusedQuicHelloIsRefusedAgain) {
  const std::string hello = Initials({.name = BlockedHost()})[0];
  EXPECT_TRUE(IsRefused(hello));
  EXPECT_TRUE(IsRefused(hello));
  const uint64_t blocked = gate_.counters().blocked;
  Flood(kForgotten);
  EXPECT_TRUE(IsRefused(hello));
  EXPECT_EQ(gate_.counters().blocked, blocked + 1);
}

TEST_F(GateFloodTest, AHelloInTwoDatagramsIsRefused) {
  Flood(kPushedOut);
  const auto parts = Initials({.name = BlockedHost(), .padding = 1500});
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_FALSE(IsRefused(parts[0]));
  EXPECT_TRUE(IsRefused(parts[1]));
}

TEST_F(GateFloodTest, AHelloInTwoSegmentsIsRefused) {
  Flood(kPushedOut);
  const std::string hello = ClientHello(BlockedHost());
  VerdictOn(TcpSegment(kTcpSyn, 443, 999, "", 0));
  const auto& half =
      VerdictOn(TcpSegment(kTcpAck, 443, 1000, hello.substr(0, 60)));
  EXPECT_EQ(half.mark & kMarkBlock, 0u);
  const auto& rest =
      VerdictOn(TcpSegment(kTcpAck, 443, 1060, hello.substr(60)));
  EXPECT_NE(rest.mark & kMarkBlock, 0u);
}

}  // namespace
}  // namespace schoolgate::agent
