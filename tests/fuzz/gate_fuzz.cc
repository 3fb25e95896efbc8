// The whole gate, held packets one after the other: raw bytes, datagrams, and
// segments of a few connections, out and in. Each packet gets one verdict, and
// what is sent instead is a sound packet. At the end, whatever came before, a
// request for a blocked host in pieces of any size does not get through.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/enforce/gate.h"
#include "agent/enforce/kernel_table.h"
#include "platform/check.h"
#include "rules/ruleset.h"
#include "rules/trust/example/example_school.h"
#include "tests/fuzz/choices.h"

using namespace schoolgate;
using namespace schoolgate::agent;
using traffic::operator+;

namespace {

constexpr int64_t kStart = 1'795'000'000'000'000;
constexpr char kBlocked[] = "gambling.check.schoolgate.test";
constexpr size_t kMostPackets = 64;

void CheckSound(std::span<const uint8_t> packet) {
  const auto parsed = ParseHeld(packet);
  SG_CHECK(parsed.has_value());
}

// Brings one packet at a time. Each gets one verdict, at once or later.
class Kernel : public platform::PacketGate {
 public:
  bool Take(absl::Duration, platform::HeldByKernel* taken) override {
    if (!waiting) return false;
    waiting = false;
    *taken = held;
    SG_CHECK(unjudged.insert(held.id).second);
    return true;
  }
  void Accept(uint32_t id, uint32_t verdict) override { Settle(id, verdict); }
  void Replace(uint32_t id, uint32_t verdict,
               std::span<const uint8_t> instead) override {
    CheckSound(instead);
    Settle(id, verdict);
  }
  void Drop(uint32_t id) override {
    dropped |= id == held.id;
    Settle(id, 0);
  }
  int descriptor() const override { return -1; }
  uint64_t overflowed() const override { return 0; }

  platform::HeldByKernel held;
  bool waiting = false;
  std::set<uint32_t> unjudged;
  uint32_t mark = 0;  // of the packet brought last
  bool dropped = false;

 private:
  void Settle(uint32_t id, uint32_t verdict) {
    SG_CHECK(unjudged.erase(id) == 1);
    if (id == held.id) mark = verdict;
  }
};

class Sender : public platform::PacketSender {
 public:
  bool Send(std::span<const uint8_t> packet) override {
    CheckSound(packet);
    return true;
  }
};

std::shared_ptr<const rules::Ruleset> Rules() {
  const std::string path = std::filesystem::temp_directory_path() /
                           ("gate-fuzz-" + std::to_string(getpid()));
  rules::ExampleBundle bundle;
  bundle.hosts[kBlocked] = {"gambling"};
  rules::WriteExample(path, bundle);
  auto rules = rules::Ruleset::Open(path);
  std::filesystem::remove(path);
  SG_CHECK(rules.ok());
  return *rules;
}

struct World {
  World() {
    static const auto* const kRules =
        new std::shared_ptr<const rules::Ruleset>(Rules());
    verdicts.Use(*kRules);
    verdicts.SetPortal(&portal);
  }

  // True when the packet, or an answer in its place, went on, or waits.
  bool Judge(const traffic::Buffer& packet) {
    kernel.held.bytes = packet;
    ++kernel.held.id;
    kernel.waiting = true;
    kernel.mark = 0;
    kernel.dropped = false;
    gate.Serve(now_us);
    SG_CHECK(kernel.unjudged.empty() || gate.holds_back());
    return !kernel.dropped && (kernel.mark & kMarkBlock) == 0;
  }

  Kernel kernel;
  Sender sender;
  PortalAllowance portal;
  Attribution attribution{
      {.device_group = "pupils",
       .people = {{1001, {"a.khan", "pupils"}}, {1002, {"b.lee", "ks1"}}}},
      nullptr,
      nullptr,
      nullptr};
  Verdicts verdicts{"D-FUZZ"};
  Watch watch{attribution, verdicts, nullptr};
  Gate gate{kernel, &sender, watch};
  int64_t now_us = kStart;
};

constexpr uint32_t kClient = 0x0a000002, kServer = 0x0a000001;
constexpr uint16_t kPorts[] = {80, 443, 53, 853, 5300, 51820, 8080, 25};

// What a packet carries, mostly something that the gate looks into.
traffic::Buffer Payload(fuzz::Choices& choices) {
  static constexpr const char* kNames[] = {
      kBlocked, "www.bbc.co.uk", "detectportal.firefox.com",
      "use-application-dns.net", "www.google.com"};
  const std::string name = kNames[choices.Below(std::size(kNames))];
  switch (choices.Below(8)) {
    case 0:
      return traffic::DnsQuery(name, choices.Byte());
    case 1:
      return traffic::WithLength(traffic::DnsQuery(name, choices.Byte()));
    case 2:
      return traffic::TlsRecords(traffic::ClientHello({.name = name}),
                                 1 + choices.Byte());
    case 3: {
      const std::string text =
          "POST /.schoolgate/x/accident HTTP/1.1\r\nHost: " + name + "\r\n\r\n";
      return {text.begin(), text.end()};
    }
    case 4: {
      const std::string text =
          "HTTP/1.1 302 Found\r\nLocation: http://" + name + "/\r\n\r\n";
      return {text.begin(), text.end()};
    }
    case 5:
      return traffic::Initial(
          {}, traffic::CryptoFrame(0, traffic::ClientHello({.name = name})));
    default: {
      const Bytes some = choices.Some(400);
      return {some.begin(), some.end()};
    }
  }
}

traffic::Buffer Packet(fuzz::Choices& choices) {
  const size_t kind = choices.Below(4);
  if (kind == 0) {
    const Bytes raw = choices.Some(600);
    return {raw.begin(), raw.end()};
  }
  uint16_t from = static_cast<uint16_t>(40000 + choices.Below(3));
  uint16_t to = kPorts[choices.Below(std::size(kPorts))];
  if (choices.Byte() & 1) std::swap(from, to);
  traffic::Buffer payload = Payload(choices);
  if (choices.Byte() & 1) {  // a piece of it
    payload.resize(payload.size() -
                   std::min<size_t>(payload.size(), choices.Byte()));
  }
  const bool tcp = kind != 1;
  const traffic::Buffer inside =
      tcp ? traffic::Tcp(from, to, choices.Byte(), choices.Byte(), payload)
          : traffic::Udp(from, to, payload);
  const uint8_t protocol = tcp ? kProtocolTcp : kProtocolUdp;
  return choices.Byte() & 1 ? traffic::Ipv6(kClient, kServer, protocol, inside)
                            : traffic::Ipv4(kClient, kServer, protocol, inside);
}

void AnyPacket(World& world, fuzz::Choices& choices) {
  const uint8_t how = choices.Byte();
  platform::HeldByKernel& held = world.kernel.held;
  held.at = how & 1   ? platform::HeldAt::kInput
            : how & 2 ? platform::HeldAt::kForward
                      : platform::HeldAt::kOutput;
  held.segmented = (how & 4) != 0;
  held.mark = how & 8 ? kMarkWatch : 0;
  held.uid = how & 16 ? 1002 : how & 32 ? platform::kNoUid : 1001;
  if (how & 64) world.now_us += 1'000'000;
  world.Judge(Packet(choices));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  World world;
  fuzz::Choices choices(Bytes(bytes, size));
  const size_t step = 1 + choices.Byte();
  for (size_t i = 0; i < kMostPackets && choices.any(); ++i) {
    AnyPacket(world, choices);
  }
  platform::HeldByKernel& held = world.kernel.held;
  held = {.id = held.id, .bytes = {}, .uid = 1001};
  const std::string request =
      std::string("GET / HTTP/1.1\r\nHost: ") + kBlocked + "\r\n\r\n";
  bool through = true;
  held.mark = kMarkWatch;  // the connection's first payload
  for (size_t at = 0; at < request.size() && through; at += step) {
    const auto piece = Bytes(AsBytes(request))
                           .subspan(at, std::min(step, request.size() - at));
    through = world.Judge(
        traffic::Ipv4(kClient, kServer, kProtocolTcp,
                      traffic::Tcp(49999, 80, static_cast<uint32_t>(1000 + at),
                                   0x18, piece)));
    held.mark = 0;
  }
  SG_CHECK(!through);
  world.now_us += HeldBack::kMaxWaitUs;
  world.gate.Serve(world.now_us);
  SG_CHECK(world.kernel.unjudged.empty());
  return 0;
}
