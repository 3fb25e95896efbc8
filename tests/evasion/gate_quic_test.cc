// Clients made to get a hello past the gate: the server must not read another
// than was judged.
#include <gtest/gtest.h>

#include <string>

#include "agent/enforce/kernel_table.h"
#include "agent/observe/udp_inspector.h"
#include "tests/evasion/quic_gate_test.h"

namespace schoolgate::agent {
namespace {

using GateQuicTest = QuicGateTest;
using traffic::InitialOptions;

const traffic::Buffer kOpenHello =
    traffic::ClientHello({.name = kOpen, .padding = 200});

// Same length, so that its pieces fit into the other's place.
traffic::Buffer BlockedHello() {
  const std::string name(kBlocked);
  for (size_t padding = 150; padding < 250; ++padding) {
    auto hello = traffic::ClientHello({.name = name, .padding = padding});
    if (hello.size() == kOpenHello.size()) return hello;
  }
  return {};
}

// An Initial of this id that nobody can open.
std::string Garbage(const traffic::Buffer& id) {
  std::string bytes =
      QuicGateTest::Part(kOpenHello, 0, 100, {.destination = id});
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  return bytes;
}

TEST_F(GateQuicTest, HonestHellosPass) {
  uint8_t id = 0;
  for (const size_t padding : {0, 1500, 3000}) {
    const InitialOptions options{.destination = {7, 7, 7, 7, ++id}};
    const auto hello = Initials({.name = kOpen, .padding = padding}, options);
    for (const auto& part : hello) EXPECT_FALSE(IsRefused(part));
    for (const auto& part : hello) EXPECT_FALSE(IsRefused(part)) << "again";
  }
  EXPECT_EQ(gate_.counters().blocked, 0u);
}

TEST_F(GateQuicTest, AfterARetryTheHelloPasses) {
  const auto first = Initials({.name = kOpen, .padding = 1500});
  EXPECT_FALSE(IsRefused(first[0]));
  InitialOptions retried{.destination = {9, 9, 9, 9}, .token = {1, 2, 3}};
  for (const auto& part : Initials({.name = kOpen, .padding = 1500}, retried)) {
    EXPECT_FALSE(IsRefused(part));
  }
}

TEST_F(GateQuicTest, GarbageInFrontHidesNothing) {
  const traffic::Buffer id = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_FALSE(IsRefused(Garbage(id)));
  EXPECT_TRUE(IsRefused(Initials({.name = BlockedHost()})[0]));
}

TEST_F(GateQuicTest, ManyWrongIdsHideNothing) {
  step_us_ = 1000;
  for (uint8_t i = 0; i < UdpInspector::kMaxKeyTrials; ++i) {
    EXPECT_FALSE(IsRefused(Garbage({7, 7, 7, 7, i})));
  }
  EXPECT_TRUE(IsRefused(Garbage({7, 7, 7, 7, 255})));
  EXPECT_TRUE(IsRefused(Initials({.name = BlockedHost()})[0]));
  EXPECT_EQ(gate_.observed().doubtful, 2u);
}

TEST_F(GateQuicTest, AnOpenNameInFrontOfABlockedOneHidesNothing) {
  EXPECT_FALSE(IsRefused(Initials({.name = kOpen})[0]));
  EXPECT_TRUE(IsRefused(Initials({.name = BlockedHost()})[0]));
}

// A server may throw away what comes in a short datagram (RFC 9000, 14.1), or
// never get it; then the bytes that come instead are its hello.
TEST_F(GateQuicTest, OtherBytesInThePlaceOfKnownOnesAreRefused) {
  const traffic::Buffer blocked = BlockedHello();
  ASSERT_FALSE(blocked.empty());
  const size_t half = blocked.size() / 2;
  InitialOptions options;
  EXPECT_FALSE(IsRefused(Part(kOpenHello, 0, half, options)));
  options.number = 1;
  EXPECT_TRUE(IsRefused(Part(blocked, 0, half, options)));
  options.number = 2;
  EXPECT_FALSE(IsRefused(Part(kOpenHello, half, half + 1, options)));
  options.number = 3;
  EXPECT_TRUE(IsRefused(Part(blocked, 0, half, options))) << "after the name";
}

TEST_F(GateQuicTest, TwoHellosWovenIntoOneAnotherAreRefused) {
  const traffic::Buffer blocked = BlockedHello();
  const size_t half = blocked.size() / 2;
  const InitialOptions one{.destination = {1, 1, 1, 1}};
  const InitialOptions other{.destination = {2, 2, 2, 2}};
  EXPECT_FALSE(IsRefused(Part(blocked, 0, half, one)));
  EXPECT_TRUE(IsRefused(Part(kOpenHello, 0, half, other)));
  EXPECT_TRUE(IsRefused(Part(blocked, half, blocked.size() - half, one)));
}

TEST_F(GateQuicTest, TokensExcuseNoMoreThanARetry) {
  const traffic::Buffer blocked = BlockedHello();
  const size_t half = blocked.size() / 2;
  const InitialOptions one{.destination = {1, 1, 1, 1}};
  const InitialOptions other{.destination = {2, 2, 2, 2}, .token = {1}};
  EXPECT_FALSE(IsRefused(Part(blocked, 0, half, one)));
  EXPECT_FALSE(IsRefused(Part(kOpenHello, 0, half, other)));
  EXPECT_TRUE(IsRefused(Part(blocked, half, blocked.size() - half, one)));
}

// After a HelloRetryRequest the client says a second hello on the connection
// (RFC 8446, 4.1.2): with the first one's keys, to the server's id.
TEST_F(GateQuicTest, ASecondHelloIsJudgedAsWell) {
  EXPECT_FALSE(IsRefused(Part(kOpenHello, 0, kOpenHello.size())));
  const traffic::Buffer blocked = BlockedHello();
  InitialOptions options{.key_id = {1, 2, 3, 4, 5, 6, 7, 8}, .number = 1};
  options.destination = {5, 5, 5, 5};
  EXPECT_TRUE(IsRefused(QuicGateTest::TextOf(traffic::Initial(
      options, traffic::CryptoFrame(kOpenHello.size(), blocked)))));
}

// Several datagrams in one, as a kernel takes them (UDP_SEGMENT): each as long
// as the longest.
std::string Glued(std::vector<std::string> datagrams, size_t each = 1232) {
  std::string all;
  for (std::string& datagram : datagrams) {
    EXPECT_LE(datagram.size(), each);
    datagram.resize(each);
    all += datagram;
  }
  return all;
}

TEST_F(GateQuicTest, APaddedDatagramInFrontHidesNothing) {
  EXPECT_TRUE(
      IsRefused(Glued(Initials({.name = BlockedHost(), .padding = 1500}))));
  EXPECT_FALSE(IsRefused(Glued(Initials({.name = kOpen, .padding = 1500},
                                        {.destination = {3, 3, 3, 3}}))));
  EXPECT_EQ(gate_.observed().doubtful, 0u);
}

TEST_F(GateQuicTest, ADatagramOfAnythingInFrontHidesNothing) {
  const std::string hello = Initials({.name = BlockedHost()})[0];
  const auto glued = Glued({std::string(1200, 'x'), hello});
  EXPECT_NE(VerdictOn(Datagram(40000, 443, glued)).mark & kMarkBlock, 0u);
}

TEST_F(GateQuicTest, APacketThatClaimsTheNextDatagramHidesNothing) {
  std::string claims("\xc3\0\0\0\1\4\7\7\7\7\0\0\x49\x40", 14);  // 2368 bytes
  EXPECT_TRUE(IsRefused(Glued({claims, Initials({.name = BlockedHost()})[0]})));
}

TEST_F(GateQuicTest, GluedPacketsAreTriedUpToTheLimitAndThenCounted) {
  uint8_t id = 0;
  for (const uint32_t more : {0u, 1u}) {
    const InitialOptions options{.destination = {7, 7, 7, ++id}};
    // Of the same connection, so that no other key is tried.
    const std::string wrong =
        std::string("\xc3\0\0\0\1\4\7\7\7", 9) + static_cast<char>(id) +
        std::string("\0\0\x40\x1e", 4) + std::string(30, '\0');
    std::string glued = Part(kOpenHello, 0, 100, options);
    for (uint32_t i = 1; i < UdpInspector::kMaxGlued + more; ++i) {
      glued += wrong;
    }
    EXPECT_EQ(IsRefused(glued), more == 1);
    EXPECT_EQ(gate_.observed().untried_keys, more);
  }
}

}  // namespace
}  // namespace schoolgate::agent
