#include "agent/enforce/gate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "agent/enforce/kernel_table.h"
#include "rules/ruleset.h"

namespace schoolgate::agent {
namespace {

// A kernel that holds what the test gives it and remembers the verdicts.
class ScriptedGate : public platform::PacketGate {
 public:
  struct Verdict {
    uint32_t mark = 0;
    std::vector<uint8_t> instead;
    bool dropped = false;
  };

  bool Take(absl::Duration, platform::HeldByKernel* held) override {
    if (next_ >= packets.size()) return false;
    held->id = static_cast<uint32_t>(next_);
    held->bytes = packets[next_];
    held->uid = uid;
    held->mark = mark;
    held->at = at;
    held->segmented = segmented;
    ++next_;
    return true;
  }
  void Accept(uint32_t id, uint32_t mark) override {
    verdicts[id] = {.mark = mark, .instead = {}, .dropped = false};
  }
  void Replace(uint32_t id, uint32_t mark,
               std::span<const uint8_t> instead) override {
    verdicts[id] = {.mark = mark,
                    .instead = {instead.begin(), instead.end()},
                    .dropped = false};
  }
  void Drop(uint32_t id) override {
    verdicts[id] = {.mark = 0, .instead = {}, .dropped = true};
  }
  int descriptor() const override { return -1; }
  uint64_t overflowed() const override { return 0; }

  std::vector<std::vector<uint8_t>> packets;
  std::map<uint32_t, Verdict> verdicts;
  bool segmented = false;
  uint32_t uid = 1001;
  uint32_t mark = 0x42;
  platform::HeldAt at = platform::HeldAt::kOutput;

 private:
  size_t next_ = 0;
};

// Keeps what is sent.
class KeptPackets : public platform::PacketSender {
 public:
  bool Send(std::span<const uint8_t> packet) override {
    packets.emplace_back(packet.begin(), packet.end());
    return true;
  }

  std::vector<std::vector<uint8_t>> packets;
};

std::string TextOf(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

void Put(std::vector<uint8_t>& to, std::string_view bytes) {
  for (const char byte : bytes) to.push_back(static_cast<uint8_t>(byte));
}

std::string Labels(const std::string& name) {
  std::string wire;
  size_t from = 0;
  while (from <= name.size()) {
    const size_t dot = std::min(name.find('.', from), name.size());
    wire.push_back(static_cast<char>(dot - from));
    wire.append(name, from, dot - from);
    from = dot + 1;
  }
  wire.push_back('\0');
  return wire;
}

std::string Short(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::vector<uint8_t> Ip(uint8_t protocol, std::string_view transport) {
  std::vector<uint8_t> packet = {0x45, 0, 0,  0, 0, 0, 0x40, 0, 64, protocol,
                                 0,    0, 10, 0, 0, 2, 10,   0, 0,  1};
  packet[2] = static_cast<uint8_t>((20 + transport.size()) >> 8);
  packet[3] = static_cast<uint8_t>(20 + transport.size());
  Put(packet, transport);
  return packet;
}

std::string DnsMessageText(const std::string& name, uint16_t type) {
  std::string message("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  return message + Labels(name) + Short(type) + Short(1);
}

std::vector<uint8_t> Datagram(uint16_t from, uint16_t to,
                              const std::string& payload) {
  return Ip(kProtocolUdp, Short(from) + Short(to) + Short(8 + payload.size()) +
                              Short(0) + payload);
}

std::vector<uint8_t> DnsQuery(const std::string& name, uint16_t type,
                              uint16_t port = 53) {
  return Datagram(40000, port, DnsMessageText(name, type));
}

std::vector<uint8_t> TcpSegment(uint8_t flags, uint16_t port, uint32_t sequence,
                                const std::string& payload,
                                uint16_t acknowledged = 1) {
  std::string head = Short(50000) + Short(port) + Short(sequence >> 16) +
                     Short(sequence & 0xffff) + Short(0) + Short(acknowledged);
  head += {0x50, static_cast<char>(flags)};
  head += Short(0xffff) + Short(0) + Short(0);
  return Ip(kProtocolTcp, head + payload);
}

std::string ClientHello(const std::string& name) {
  const std::string entry = std::string(1, '\0') + Short(name.size()) + name;
  const std::string list = Short(entry.size()) + entry;
  const std::string extension = Short(0) + Short(list.size()) + list;
  std::string body = "\x03\x03" + std::string(32, 'r') + std::string(1, '\0') +
                     Short(2) + "\x13\x01" + std::string("\x01\x00", 2) +
                     Short(extension.size()) + extension;
  std::string handshake =
      std::string("\x01\x00", 2) + Short(body.size()) + body;
  return "\x16\x03\x01" + Short(handshake.size()) + handshake;
}

class GateTest : public testing::Test {
 protected:
  GateTest()
      : attribution_({.device_group = "pupils",
                      .people = {{1001, {"a.khan", "pupils"}},
                                 {1002, {"b.lee", "ks1"}}}},
                     nullptr, nullptr, nullptr),
        verdicts_("D-TEST"),
        watch_(attribution_, verdicts_, nullptr),
        gate_(kernel_, &sender_, watch_) {}

  // The starter rules, built by the real program beside this one.
  static void SetUpTestSuite() {
    bundle_ = new std::string(testing::TempDir() + "/gate-test-" +
                              std::to_string(getpid()) + ".bundle");
    const std::string program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() /
        "schoolgate-rules";
    const std::string command =
        program + " build rules/policies/city-primary.yaml --lists " +
        "rules/lists --quiet -o " + *bundle_ + " >/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  static void TearDownTestSuite() {
    std::filesystem::remove(*bundle_);
    delete bundle_;
  }

  void SetUp() override {
    auto rules = rules::Ruleset::Open(*bundle_);
    ASSERT_TRUE(rules.ok()) << rules.status();
    verdicts_.Use(*rules);
  }

  const ScriptedGate::Verdict& VerdictOn(std::vector<uint8_t> packet) {
    kernel_.packets.push_back(std::move(packet));
    now_us_ += step_us_;
    gate_.Serve(now_us_);
    return kernel_.verdicts.at(
        static_cast<uint32_t>(kernel_.packets.size() - 1));
  }

  static std::string* bundle_;
  ScriptedGate kernel_;
  KeptPackets sender_;
  Attribution attribution_;
  Verdicts verdicts_;
  Watch watch_;
  Gate gate_;
  int64_t step_us_ = 10'000'000;
  int64_t now_us_ = 1'795'000'000'000'000;
};

std::string* GateTest::bundle_ = nullptr;

constexpr char kBlocked[] = "gambling.check.schoolgate.test";
constexpr char kOpen[] = "www.bbc.co.uk";

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
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 443, 100, hello.substr(0, 60))).mark,
            0x42u);
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
  EXPECT_EQ(VerdictOn(TcpSegment(0x18, 81, 100, request.substr(0, 2))).mark,
            0x42u);
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
