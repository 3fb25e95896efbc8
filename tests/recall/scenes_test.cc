// A name that travels in an unusual way would be missed, or told twice, or
// one told that nobody asked for.
#include "tests/recall/scenes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <span>

#include "agent/observe/observer.h"
#include "platform/packet_source.h"

namespace schoolgate {
namespace {

class Lines : public agent::ObservationSink {
 public:
  void OnName(const agent::Observation& seen) override {
    static constexpr const char* kSources[] = {"dns",  "mdns", "llmnr", "tls",
                                               "quic", "http", "flow"};
    lines.push_back(std::to_string(seen.frame) + " " +
                    kSources[static_cast<int>(seen.source)] + " " +
                    std::string(seen.name));
  }
  std::vector<std::string> lines;
};

class SceneTest : public testing::TestWithParam<traffic::Scene> {};

TEST_P(SceneTest, TellsExactlyTheNamesThatAreThere) {
  const traffic::Scene& scene = GetParam();
  const std::string path = testing::TempDir() + "/" + scene.title + "." +
                           std::to_string(getpid()) + ".pcap";
  const traffic::Buffer file =
      traffic::PcapFile(scene.packets, scene.link_type, scene.snap_bytes);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(file.data()),
             static_cast<std::streamsize>(file.size()));
  const auto source = platform::OpenCaptureFile(path);
  ASSERT_TRUE(source.ok()) << source.status();
  Lines sink;
  agent::Observer observer(agent::ObserverLimits(), sink);
  platform::Packet packet;
  while ((*source)->Next(absl::ZeroDuration(), &packet) ==
         platform::NextResult::kPacket) {
    observer.OnPacket(packet);
  }
  observer.Finish();
  EXPECT_TRUE((*source)->status().ok()) << (*source)->status();
  EXPECT_EQ(observer.counters().packets, scene.packets.size());
  EXPECT_THAT(sink.lines, testing::ElementsAreArray(scene.expected));
  std::remove(path.c_str());
}

// Captures are read many packets at a time: otherwise a name would depend on
// where one such portion ends.
TEST(Portions, OfAnySizeTellTheSame) {
  std::vector<platform::Packet> packets;
  const std::vector<traffic::Scene> scenes = traffic::AllScenes();
  for (const traffic::Scene& scene : scenes) {
    for (const traffic::Buffer& bytes : scene.packets) {
      platform::Packet& packet = packets.emplace_back();
      packet.bytes =
          traffic::Bytes(bytes).first(std::min(bytes.size(), scene.snap_bytes));
      packet.wire_bytes = static_cast<uint32_t>(bytes.size());
      packet.link_type =
          scene.link_type == 101 ? 12 : static_cast<int>(scene.link_type);
      packet.frame = packets.size();
      packet.time_us = static_cast<int64_t>(packet.frame) * 700'000;
    }
  }
  const auto tell = [&](size_t portion) {
    Lines sink;
    agent::Observer observer(agent::ObserverLimits(), sink);
    for (size_t at = 0; at < packets.size(); at += portion) {
      observer.OnPackets(std::span(packets).subspan(
          at, std::min(portion, packets.size() - at)));
    }
    observer.Finish();
    EXPECT_EQ(observer.counters().packets, packets.size());
    return sink.lines;
  };
  const std::vector<std::string> one_by_one = tell(1);
  EXPECT_GT(one_by_one.size(), scenes.size() / 2);
  for (const size_t portion : {2, 7, 16, 64, 100'000}) {
    EXPECT_EQ(tell(portion), one_by_one) << portion;
  }
}

// What is told of packets, and what is counted as hidden.
struct Seen {
  std::vector<std::string> told;
  std::vector<std::string> blind;
};

Seen See(const std::vector<traffic::Buffer>& packets) {
  class Sink : public agent::ObservationSink {
   public:
    void OnName(const agent::Observation& told) override {
      seen.told.push_back(std::string(told.name) +
                          (told.ech ? ", encrypted" : ""));
    }
    void OnBlind(agent::Blind cause, const agent::Observation& told) override {
      seen.blind.push_back(std::string(agent::BlindName(cause)) + " " +
                           std::string(told.name));
    }
    Seen seen;
  };
  Sink sink;
  agent::Observer observer(agent::ObserverLimits(), sink);
  for (const traffic::Buffer& bytes : packets) {
    platform::Packet packet;
    packet.bytes = bytes;
    packet.link_type = 1;
    observer.OnPacket(packet);
  }
  observer.Finish();
  EXPECT_EQ(observer.counters().blind_flows(), sink.seen.blind.size());
  return sink.seen;
}

// Browsers send an ECH extension always; it hides a name only when the name in
// sight is the cover of a configuration that was handed out.
TEST(Blindness, EchCountsOnlyBehindACover) {
  traffic::Flow dns;
  dns.server_port = 53;
  const auto hello = [](const std::string& name, uint16_t port) {
    traffic::Flow flow;
    flow.client_port = port;
    return traffic::TcpFrame(
        flow, true, 1, 16,
        traffic::TlsRecords(traffic::ClientHello({.name = name, .ech = true})));
  };
  const std::vector<traffic::Buffer> packets = {
      traffic::UdpFrame(
          dns, false,
          traffic::DnsHttpsAnswer("hidden.example", "cover.example")),
      hello("open.example", 40001), hello("cover.example", 40002)};
  const Seen seen = See(packets);
  EXPECT_THAT(seen.told, testing::ElementsAre("open.example, encrypted",
                                              "cover.example, encrypted"));
  EXPECT_THAT(seen.blind, testing::ElementsAre("ech cover.example"));
}

// The same over QUIC; by covers known to all; and the cover's own visitors hide
// nothing.
TEST(Blindness, EchOverQuicAndBehindKnownCovers) {
  traffic::Flow dns;
  dns.server_port = 53;
  const auto hello = [](const std::string& name, bool ech, uint16_t port) {
    traffic::Flow flow;
    flow.client_port = port;
    const traffic::Buffer message =
        traffic::ClientHello({.name = name, .ech = ech});
    return port % 2 == 0
               ? traffic::TcpFrame(flow, true, 1, 16,
                                   traffic::TlsRecords(message))
               : traffic::UdpFrame(
                     flow, true,
                     traffic::Initial({}, traffic::CryptoFrame(0, message)));
  };
  const Seen seen = See(
      {traffic::UdpFrame(
           dns, false,
           traffic::DnsHttpsAnswer("hidden.example", "cover.example")),
       hello("open.example", true, 40001), hello("cover.example", true, 40003),
       hello("cover.example", false, 40004),
       hello("cover.example", false, 40005),
       hello("cloudflare-ech.com", true, 40006)});
  EXPECT_THAT(seen.told, testing::ElementsAre("open.example, encrypted",
                                              "cover.example, encrypted",
                                              "cover.example", "cover.example",
                                              "cloudflare-ech.com, encrypted"));
  EXPECT_THAT(seen.blind, testing::ElementsAre("ech cover.example",
                                               "ech cloudflare-ech.com"));
}

INSTANTIATE_TEST_SUITE_P(
    All, SceneTest, testing::ValuesIn(traffic::AllScenes()),
    [](const testing::TestParamInfo<traffic::Scene>& scene) {
      std::string name = scene.param.title;
      for (char& c : name) c = c == '-' ? '_' : c;
      return name;
    });

}  // namespace
}  // namespace schoolgate
