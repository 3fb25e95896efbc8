// A gate with the starter rules, and the packets that its tests give it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/enforce/gate.h"
#include "rules/ruleset.h"

namespace schoolgate::agent {

inline constexpr char kBlocked[] = "gambling.check.schoolgate.test";
inline constexpr char kOpen[] = "www.bbc.co.uk";

// A kernel that holds what the test gives it and remembers the verdicts.
class ScriptedGate : public platform::PacketGate {
 public:
  struct Verdict {
    uint32_t mark = 0;
    std::vector<uint8_t> instead;
    bool dropped = false;
    bool waits = false;  // none was given yet
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

inline std::string TextOf(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

inline void Put(std::vector<uint8_t>& to, std::string_view bytes) {
  for (const char byte : bytes) to.push_back(static_cast<uint8_t>(byte));
}

inline std::string Labels(const std::string& name) {
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

inline std::string Short(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

inline std::vector<uint8_t> Ip(uint8_t protocol, std::string_view transport) {
  std::vector<uint8_t> packet = {0x45, 0, 0,  0, 0, 0, 0x40, 0, 64, protocol,
                                 0,    0, 10, 0, 0, 2, 10,   0, 0,  1};
  packet[2] = static_cast<uint8_t>((20 + transport.size()) >> 8);
  packet[3] = static_cast<uint8_t>(20 + transport.size());
  Put(packet, transport);
  return packet;
}

inline std::string DnsMessageText(const std::string& name, uint16_t type) {
  std::string message("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  return message + Labels(name) + Short(type) + Short(1);
}

inline std::vector<uint8_t> Datagram(uint16_t from, uint16_t to,
                                     const std::string& payload) {
  return Ip(kProtocolUdp, Short(from) + Short(to) + Short(8 + payload.size()) +
                              Short(0) + payload);
}

inline std::vector<uint8_t> DnsQuery(const std::string& name, uint16_t type,
                                     uint16_t port = 53) {
  return Datagram(40000, port, DnsMessageText(name, type));
}

inline std::vector<uint8_t> TcpSegment(uint8_t flags, uint16_t port,
                                       uint32_t sequence,
                                       const std::string& payload,
                                       uint16_t acknowledged = 1) {
  std::string head = Short(50000) + Short(port) + Short(sequence >> 16) +
                     Short(sequence & 0xffff) + Short(0) + Short(acknowledged);
  head += {0x50, static_cast<char>(flags)};
  head += Short(0xffff) + Short(0) + Short(0);
  return Ip(kProtocolTcp, head + payload);
}

inline std::string ClientHello(const std::string& name) {
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
    return VerdictOnPacket(kernel_.packets.size() - 1);
  }

  const ScriptedGate::Verdict& VerdictOnPacket(size_t number) const {
    static const ScriptedGate::Verdict kNone = {.waits = true};
    const auto verdict = kernel_.verdicts.find(static_cast<uint32_t>(number));
    return verdict == kernel_.verdicts.end() ? kNone : verdict->second;
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

inline std::string* GateTest::bundle_ = nullptr;

}  // namespace schoolgate::agent
