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

// A program may change what the kernel sends again (vmsplice), and have the
// first lost on the way.
TEST_F(GateFloodTest, AnExchangedHelloIsRefused) {
  const std::string blocked = ClientHello(kBlocked);
  const std::string open = ClientHello("www.aaaaaaaa.check.schoolgate.test");
  ASSERT_GE(open.size(), blocked.size());
  for (const int crowd : {0, 1'000, kForgotten, kPushedOut}) {
    VerdictOn(TcpSegment(kTcpSyn, 443, 999, "", 0));
    EXPECT_EQ(VerdictOn(TcpSegment(kTcpAck, 443, 1000, open)).mark & kMarkBlock,
              0u);
    for (int other = 0; other < crowd / 40; ++other) {
      VerdictOn(
          TcpSegment(kTcpAck, static_cast<uint16_t>(1000 + other), 1000, "x"));
    }
    Flood(crowd);
    EXPECT_NE(
        VerdictOn(TcpSegment(kTcpAck, 443, 1000, blocked)).mark & kMarkBlock,
        0u)
        << crowd;
  }
}

TEST_F(GateFloodTest, AHelloInMorePiecesThanAreKeptIsRefused) {
  const traffic::Buffer hello = traffic::TlsRecords(
      traffic::ClientHello({.name = BlockedHost(), .padding = 6000}));
  const std::string bytes = TextOf(hello);
  VerdictOn(TcpSegment(kTcpSyn, 443, 999, "", 0));
  bool refused = false;
  for (size_t at = 0; at < bytes.size() && !refused; ++at) {
    refused =
        (VerdictOn(TcpSegment(kTcpAck, 443, static_cast<uint32_t>(1000 + at),
                              bytes.substr(at, 1)))
             .mark &
         kMarkBlock) != 0;
  }
  EXPECT_TRUE(refused);
}

TEST_F(GateFloodTest, ANameBehindALongRequestHeadIsRefused) {
  const auto request = [](const std::string& before, const std::string& name) {
    return "GET / HTTP/1.1\r\n" + before + "Host: " + name + "\r\n";
  };
  std::string fields;
  while (fields.size() < 17'000) {
    fields += "X-Field: " + std::string(1000, 'x') + "\r\n";
  }
  const auto verdict_on = [&](const std::string& head, uint16_t port) {
    uint32_t mark = 0;
    for (size_t at = 0; at < head.size(); at += 1400) {
      mark |=
          VerdictOn(TcpSegment(kTcpAck, port, static_cast<uint32_t>(1000 + at),
                               head.substr(at, 1400)))
              .mark;
    }
    return mark & kMarkBlock;
  };
  EXPECT_NE(verdict_on(request(fields, BlockedHost()), 80), 0u);
  // Whoever says so much of a host that we know is not kept from it.
  EXPECT_EQ(verdict_on(request("", kOpen) + fields, 81), 0u);
  EXPECT_NE(verdict_on(request("", BlockedHost()) + fields, 82), 0u);
}

}  // namespace
}  // namespace schoolgate::agent
