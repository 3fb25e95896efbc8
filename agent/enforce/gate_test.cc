#include "agent/enforce/gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "agent/enforce/kernel_table.h"
#include "agent/enforce/scripted_gate_test.h"

namespace schoolgate::agent {
namespace {

// Otherwise a pupil would reach what the policy blocks.
TEST_F(GateTest, ABlockedQuestionIsAnsweredInItsPlace) {
  const auto& verdict = VerdictOn(DnsQuery(kBlocked, 1));
  const auto answer = ParseHeld(verdict.instead);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->destination_port, 40000);
  EXPECT_EQ(answer->payload[3] & 0x0f, 3);  // NXDOMAIN
  EXPECT_EQ(verdict.mark, 0x42u);
}

// Otherwise lessons would break.
TEST_F(GateTest, AnOpenQuestionPassesAsItIs) {
  const auto& verdict = VerdictOn(DnsQuery(kOpen, 1));
  EXPECT_TRUE(verdict.instead.empty());
  EXPECT_FALSE(verdict.dropped);
  EXPECT_EQ(verdict.mark, 0x42u);
}

// Otherwise browsers would hide the names that they look up.
TEST_F(GateTest, CanariesAndHttpsRecordsAreRefusedQuietly) {
  const auto canary =
      ParseHeld(VerdictOn(DnsQuery("use-application-dns.net", 1)).instead);
  ASSERT_TRUE(canary.has_value());
  EXPECT_EQ(canary->payload[3] & 0x0f, 3);
  const auto https = ParseHeld(VerdictOn(DnsQuery(kOpen, 65)).instead);
  ASSERT_TRUE(https.has_value());
  EXPECT_EQ(https->payload[3] & 0x0f, 0);
  EXPECT_EQ(watch_.counters().hits, 0u);
}

// Otherwise a second question glued to the first would slip through.
TEST_F(GateTest, GluedQuestionsAreDropped) {
  kernel_.segmented = true;
  EXPECT_TRUE(VerdictOn(DnsQuery(kOpen, 1)).dropped);
}

TEST_F(GateTest, AHelloIsJudgedByItsNameAlsoInPieces) {
  const std::string hello = ClientHello(kBlocked);
  VerdictOn(TcpSegment(0x02, 443, 99, ""));
  step_us_ = 1000;
  EXPECT_TRUE(VerdictOn(TcpSegment(0x18, 443, 100, hello.substr(0, 60))).waits);
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 443, 160, hello.substr(60))).mark,
            0x42u | kMarkAnswered);
  // Its sender reads why, and the server forgets the connection.
  ASSERT_EQ(sender_.packets.size(), 2u);
  const auto alert = ParseHeld(sender_.packets[0]);
  ASSERT_TRUE(alert.has_value());
  EXPECT_EQ(TextOf(alert->payload),
            std::string("\x15\x03\x03\0\x02\x02\x31", 7));
  EXPECT_NE(alert->tcp_flags & kTcpFin, 0);
  EXPECT_EQ(alert->source_port, 443);
  const auto reset = ParseHeld(sender_.packets[1]);
  ASSERT_TRUE(reset.has_value());
  EXPECT_NE(reset->tcp_flags & kTcpRst, 0);
  EXPECT_EQ(reset->destination_port, 443);
}

TEST_F(GateTest, AnOpenHelloLetsItsFlowRun) {
  VerdictOn(TcpSegment(0x02, 443, 99, ""));
  const std::string hello = ClientHello(kOpen);
  const auto next = 100 + static_cast<uint32_t>(hello.size());
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 443, 100, hello)).mark,
            0x42u | kMarkAwaited)
      << "the server does not have it yet";
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 443, 100, hello)).mark,
            0x42u | kMarkAwaited);
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 443, next, "finished", 99)).mark,
            0x42u | kMarkPass);
}

// Otherwise an upload to a server that never answers would be held for ever.
TEST_F(GateTest, MuchThatFollowsShowsThatTheServerHasTheBeginning) {
  VerdictOn(TcpSegment(0x02, 443, 99, ""));
  VerdictOn(TcpSegment(0x18, 443, 100, ClientHello(kOpen)));
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 443, 100'000, "bulk")).mark,
            0x42u | kMarkAwaited);
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 443, 140'000, "bulk")).mark,
            0x42u | kMarkPass);
}

// Otherwise a program that changes what the kernel sends again would reach the
// blocked name behind an open one.
TEST_F(GateTest, ANameExchangedAfterItWasJudgedIsCut) {
  const std::string open =
      "www." + std::string(sizeof(kBlocked) - 9, 'a') + ".org";
  VerdictOn(TcpSegment(0x02, 443, 99, ""));
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 443, 100, ClientHello(open))).mark,
            0x42u | kMarkAwaited);
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 443, 100, ClientHello(kBlocked))).mark,
            0x42u | kMarkAnswered);
}

// Otherwise a flow that is no TLS would be held up for ever.
TEST_F(GateTest, AFlowThatNamesNobodyIsLetGo) {
  step_us_ = 1000;
  VerdictOn(TcpSegment(0x02, 443, 99, ""));
  uint32_t mark = 0;
  uint32_t sequence = 100;
  int packets = 0;
  while ((mark & kMarkPass) == 0 && packets < 100) {
    mark = VerdictOn(TcpSegment(0x18, 443, sequence, "\x01\x02\x03\x04",
                                static_cast<uint16_t>(1 + packets)))
               .mark;
    sequence += 4;
    ++packets;
  }
  EXPECT_LE(packets, 20);
}

// Otherwise a hello in single bytes would outlast our patience.
TEST_F(GateTest, AHelloInSingleBytesIsCutAllTheSame) {
  step_us_ = 1000;
  const std::string hello = ClientHello(kBlocked);
  uint32_t sequence = 100;
  uint32_t mark = 0;
  for (const char byte : hello) {
    mark = VerdictOn(TcpSegment(0x18, 8444, sequence++, {byte})).mark;
    ASSERT_NE(mark, 0x42u | kMarkPass);
  }
  EXPECT_EQ(mark, 0x42u | kMarkAnswered);
}

// Otherwise a request whose first piece is shorter than a method would pass.
TEST_F(GateTest, AStreamIsReadFromItsFirstByte) {
  step_us_ = 1000;
  const std::string request =
      std::string("GET / HTTP/1.1\r\nHost: ") + kBlocked + "\r\n\r\n";
  kernel_.mark = 0x42 | kMarkWatch;
  EXPECT_TRUE(VerdictOn(TcpSegment(0x18, 81, 100, request.substr(0, 2))).waits);
  kernel_.mark = 0x42;
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 81, 102, request.substr(2))).mark,
            0x42u | kMarkAnswered);
}

// Otherwise a name inside the opening packet would reach its server.
TEST_F(GateTest, AnOpeningLosesItsPayload) {
  const auto& verdict =
      VerdictOn(TcpSegment(0x02, 443, 99, ClientHello(kBlocked)));
  const auto bare = ParseHeld(verdict.instead);
  ASSERT_TRUE(bare.has_value());
  EXPECT_TRUE(bare->payload.empty());
  EXPECT_EQ(bare->sequence, 99u);
}

TEST_F(GateTest, PlainHttpGetsAPageThatSaysWhy) {
  VerdictOn(TcpSegment(0x02, 80, 99, ""));
  const std::string request =
      std::string("GET / HTTP/1.1\r\nHost: ") + kBlocked + "\r\n\r\n";
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 80, 100, request)).mark,
            0x42u | kMarkAnswered);
  std::string page;
  for (const auto& packet : sender_.packets) {
    page += TextOf(ParseHeld(packet)->payload);
  }
  EXPECT_TRUE(page.starts_with("HTTP/1.1 403 "));
  EXPECT_NE(page.find("is blocked at school"), std::string::npos);
  EXPECT_NE(page.find("by accident"), std::string::npos);
}

// Otherwise the second request on a connection would go unseen.
TEST_F(GateTest, EveryRequestOfAConnectionIsJudged) {
  VerdictOn(TcpSegment(0x02, 80, 99, ""));
  const std::string first =
      std::string("GET / HTTP/1.1\r\nHost: ") + kOpen + "\r\n\r\n";
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 80, 100, first)).mark, 0x42u);
  const std::string second =
      std::string("GET / HTTP/1.1\r\nHost: ") + kBlocked + "\r\n\r\n";
  EXPECT_EQ(
      VerdictOn(TcpSegment(0x18, 80, 100 + static_cast<uint32_t>(first.size()),
                           second))
          .mark,
      0x42u | kMarkAnswered);
}

// Otherwise DNS over TCP would be a way around.
TEST_F(GateTest, QuestionsInAStreamAreAnswered) {
  const std::string open = DnsMessageText(kOpen, 1);
  const std::string blocked = DnsMessageText(kBlocked, 1);
  VerdictOn(TcpSegment(0x02, 53, 99, ""));
  const std::string alone = Short(open.size()) + open;
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 53, 100, alone)).mark, 0x42u);
  EXPECT_EQ(
      VerdictOn(TcpSegment(0x18, 53, 100 + static_cast<uint32_t>(alone.size()),
                           alone + Short(blocked.size()) + blocked))
          .mark,
      0x42u | kMarkAnswered);
  ASSERT_EQ(sender_.packets.size(), 2u);
  const auto answer = ParseHeld(sender_.packets[0]);
  ASSERT_GT(answer->payload.size(), 6u);
  EXPECT_EQ(answer->payload[5] & 0x0f, 3);  // NXDOMAIN
}

// Otherwise a blocked name would only need another port.
TEST_F(GateTest, QuestionsOnAnyPortAreAnswered) {
  const auto answer = ParseHeld(VerdictOn(DnsQuery(kBlocked, 1, 5300)).instead);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->payload[3] & 0x0f, 3);
  EXPECT_EQ(VerdictOn(DnsQuery(kOpen, 1, 5301)).mark, 0x42u | kMarkWatch);
}

// Otherwise a container's question would be answered to nobody.
TEST_F(GateTest, WhatPassesThroughIsAnsweredByAPacketOfItsOwn) {
  kernel_.at = platform::HeldAt::kForward;
  EXPECT_TRUE(VerdictOn(DnsQuery(kBlocked, 1)).dropped);
  ASSERT_EQ(sender_.packets.size(), 1u);
  EXPECT_EQ(ParseHeld(sender_.packets[0])->destination_port, 40000);
}

// Otherwise pupils would search without SafeSearch, or not at all.
TEST_F(GateTest, ASearchIsAnsweredWithItsRestrictedAddress) {
  const auto& asked = VerdictOn(DnsQuery("www.google.com", 1));
  const auto instead = ParseHeld(asked.instead);
  ASSERT_TRUE(instead.has_value());
  EXPECT_EQ(instead->destination_port, 53);
  EXPECT_EQ(asked.mark, 0x42u | kMarkWatch);
  std::string reply = TextOf(instead->payload);
  EXPECT_NE(reply.find(Labels("forcesafesearch.google.com")),
            std::string::npos);
  reply[2] = static_cast<char>(0x81);
  reply[7] = 1;
  reply += std::string("\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04", 12) +
           "\x01\x02\x03\x04";
  kernel_.at = platform::HeldAt::kInput;
  auto packet = Datagram(53, 40000, reply);
  for (size_t i = 0; i < 4; ++i) std::swap(packet[12 + i], packet[16 + i]);
  step_us_ = 1000;
  const auto answer = ParseHeld(VerdictOn(packet).instead);
  ASSERT_TRUE(answer.has_value());
  const std::string text = TextOf(answer->payload);
  EXPECT_EQ(text.substr(12, Labels("www.google.com").size()),
            Labels("www.google.com"));
  EXPECT_EQ(text[7], 2);  // the alias and its address
  EXPECT_TRUE(text.ends_with("\x01\x02\x03\x04"));
}

// Otherwise an infant's laptop would never get online in a hotel.
TEST_F(GateTest, APageThatAHotspotSendsToOpens) {
  PortalAllowance portal;
  verdicts_.SetPortal(&portal);
  verdicts_.SetBoot("boot", 1);
  kernel_.uid = 1002;
  step_us_ = 1000;
  EXPECT_FALSE(VerdictOn(DnsQuery("login.hotel.example", 1)).instead.empty());
  VerdictOn(TcpSegment(0x02, 80, 99, ""));
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 80, 100,
                                 "GET / HTTP/1.1\r\nHost: "
                                 "detectportal.firefox.com\r\n\r\n"))
                .mark,
            0x42u);
  auto reply = TcpSegment(0x18, 50000, 2,
                          "HTTP/1.1 302 Found\r\nServer: x\r\nLocation: "
                          "https://Login.Hotel.example:8443/a?b\r\n\r\n");
  std::swap_ranges(&reply[12], &reply[16], &reply[16]);
  reply[20] = 0;
  reply[21] = 80;
  kernel_.at = platform::HeldAt::kInput;
  EXPECT_EQ(VerdictOn(reply).mark, 0x42u);
  kernel_.at = platform::HeldAt::kOutput;
  EXPECT_TRUE(VerdictOn(DnsQuery("login.hotel.example", 1)).instead.empty());
  EXPECT_FALSE(VerdictOn(DnsQuery("other.hotel.example", 1)).instead.empty());
  EXPECT_FALSE(VerdictOn(DnsQuery(kBlocked, 1)).instead.empty());
  verdicts_.SetBoot("boot", 1 + PortalAllowance::kLastsUs);
  EXPECT_FALSE(VerdictOn(DnsQuery("login.hotel.example", 1)).instead.empty());
}

// Otherwise a tunnel would carry everything past the filter.
TEST_F(GateTest, ATunnelIsCutWhereThePolicyBlocksWaysAround) {
  std::string initiation(148, '\x5a');
  initiation.replace(0, 4, std::string("\x01\0\0\0", 4));
  const auto tunnel = Datagram(40001, 51820, initiation);
  EXPECT_EQ(VerdictOn(tunnel).mark, 0x42u | kMarkBlock);
  step_us_ = 1000;
  EXPECT_EQ(VerdictOn(tunnel).mark, 0x42u | kMarkBlock) << "sent again";
}

// Otherwise a strange packet would be lost, or take the gate down.
TEST_F(GateTest, WhatCannotBeReadPasses) {
  for (size_t size : {0, 1, 19, 27}) {
    auto packet = DnsQuery(kBlocked, 1);
    packet.resize(size);
    EXPECT_FALSE(VerdictOn(packet).dropped) << size;
  }
}

}  // namespace
}  // namespace schoolgate::agent
