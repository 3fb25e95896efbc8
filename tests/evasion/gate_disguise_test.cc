// Packets that look like something else: the gate judges what the kernel sends,
// and where to.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/enforce/kernel_table.h"
#include "tests/evasion/quic_gate_test.h"

namespace schoolgate::agent {
namespace {

constexpr uint16_t kAyiya = 5072;
constexpr uint16_t kHttps = 65;
constexpr uint8_t kGre = 47;

class GateDisguiseTest : public QuicGateTest {
 protected:
  // The code of the answer that the asker gets at once; -1: none.
  int AnswerTo(const std::vector<uint8_t>& question) {
    const auto answer = ParseHeld(VerdictOn(question).instead);
    return answer.has_value() ? answer->payload[3] & 0x0f : -1;
  }

  static std::vector<uint8_t> To(const std::vector<uint8_t>& packet,
                                 std::vector<uint8_t> address) {
    std::vector<uint8_t> other = packet;
    std::copy(address.begin(), address.end(), other.begin() + 16);
    return other;
  }
};

// A question for a blocked name; read as an AYIYA packet, one with a question
// for an open name inside: its number says so, and its padding holds it.
std::string InDisguise() {
  const std::vector<uint8_t> inside = DnsQuery(kOpen, 1);
  const std::string question = DnsMessageText(kBlocked, 1);
  constexpr size_t kOptionHead = 15;
  const size_t padding_at = question.size() + kOptionHead;
  // Behind eight bytes, an identity of 2^n and a signature of 4m.
  size_t identity = 0;
  size_t signature = 0;
  size_t inside_at = 0;
  for (; inside_at < padding_at; ++identity) {
    for (signature = 0; signature < 15; ++signature) {
      inside_at = 8 + (size_t{1} << identity) + 4 * signature;
      if (inside_at >= padding_at) break;
    }
    if (inside_at >= padding_at) break;
  }
  std::string padding(inside_at - padding_at, '\0');
  padding.append(inside.begin(), inside.end());
  std::string message = question;
  message[0] = static_cast<char>(identity << 4);
  message[1] = static_cast<char>(signature << 4);
  message[11] = 1;  // one more record: options
  message += std::string("\0\0\x29\x04\xd0\0\0\0\0", 9) +
             Short(4 + padding.size()) + Short(12) + Short(padding.size());
  return message + padding;
}

// Otherwise any name could be asked for behind an innocent one.
TEST_F(GateDisguiseTest, AQuestionThatLooksLikeATunnelIsJudgedByItself) {
  EXPECT_EQ(AnswerTo(Datagram(kAyiya, 53, InDisguise())), 3);
}

// The same where no name server is: QUIC in what looks like another's packet.
TEST_F(GateDisguiseTest, ADatagramThatLooksLikeATunnelHasItsOwnEnds) {
  const std::vector<uint8_t> inside = DnsQuery(kBlocked, 1);
  std::string gtp("\x30\xff\0\0\0\0\0\1", 8);
  gtp.append(inside.begin(), inside.end());
  // Nobody here asks: whoever unpacks it does.
  EXPECT_EQ(VerdictOn(Datagram(40000, 2152, gtp)).mark, 0x42u | kMarkPass);
  EXPECT_EQ(gate_.observed().all_names(), 0u);
}

// Otherwise a tunnel would be let run for what its first packet carries, or
// because it was refused once already.
TEST_F(GateDisguiseTest, TunnelsWithoutPortsAreRefusedByTheirKindForGood) {
  const std::vector<uint8_t> open = DnsQuery(kOpen, 1);
  const std::string gre =
      std::string("\0\0\x08\0", 4) + std::string(open.begin(), open.end());
  for (const uint8_t protocol : {kGre, kProtocolEsp}) {
    for (int sent = 0; sent < 30; ++sent) {
      EXPECT_TRUE(VerdictOn(Ip(protocol, gre)).dropped)
          << int{protocol} << " " << sent;
    }
  }
}

// The packet filter lets no byte be urgent before the gate has judged; where it
// does, a server would read another name.
TEST_F(GateDisguiseTest, UrgentBytesInAHelloAreDoubted) {
  constexpr uint8_t kUrgentPush = 0x38;
  const std::string open = ClientHello(kOpen);
  VerdictOn(TcpSegment(kTcpSyn, 443, 99, ""));
  EXPECT_NE(
      VerdictOn(TcpSegment(kUrgentPush, 443, 100, open)).mark & kMarkBlock, 0u);
}

// OpenDNS answers on mDNS' port.
TEST_F(GateDisguiseTest, NameServersOnPortsOfLocalNamesAreNameServers) {
  step_us_ = 1000;
  for (const uint16_t port : {5353, 5355}) {
    EXPECT_EQ(AnswerTo(DnsQuery(kBlocked, 1, port)), 3);
    EXPECT_EQ(AnswerTo(DnsQuery("use-application-dns.net", 1, port)), 3);
    EXPECT_EQ(AnswerTo(DnsQuery(kOpen, kHttps, port)), 0);
    EXPECT_EQ(VerdictOn(DnsQuery(kOpen, 1, port)).mark, 0x42u | kMarkWatch);
    EXPECT_EQ(VerdictOn(Datagram(40001, port, "no question")).mark,
              0x42u | kMarkWatch);
    const auto search =
        ParseHeld(VerdictOn(DnsQuery("www.google.com", 1, port)).instead);
    ASSERT_TRUE(search.has_value());
    EXPECT_EQ(search->destination_port, port);
  }
}

TEST_F(GateDisguiseTest, NameServersOnSuchPortsAreAskedOverTcpForEver) {
  step_us_ = 1000;
  const std::string open = DnsMessageText(kOpen, 1);
  const std::string question = Short(open.size()) + open;
  VerdictOn(TcpSegment(kTcpSyn, 5353, 99, ""));
  uint32_t sequence = 100;
  for (int sent = 0; sent < 450; ++sent) {
    ASSERT_EQ(VerdictOn(TcpSegment(0x18, 5353, sequence, question,
                                   static_cast<uint16_t>(sent)))
                  .mark,
              0x42u);
    sequence += static_cast<uint32_t>(question.size());
  }
}

// Otherwise each word of every printer would pass through the gate.
TEST_F(GateDisguiseTest, QuestionsToTheNetworkItselfAreLetRun) {
  const std::vector<uint8_t> asked = DnsQuery("printer.local", 1, 5353);
  EXPECT_EQ(VerdictOn(To(asked, {224, 0, 0, 251})).mark, 0x42u | kMarkPass);
  EXPECT_EQ(VerdictOn(To(asked, {255, 255, 255, 255})).mark, 0x42u | kMarkPass);
}

}  // namespace
}  // namespace schoolgate::agent
