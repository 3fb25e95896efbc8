// A name that travels in an unusual way would be missed, or told twice, or
// one told that nobody asked for.
#include "tests/recall/scenes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

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
      traffic::PcapFile(scene.packets, scene.link_type);
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
  Lines sink;
  agent::Observer observer(agent::ObserverLimits(), sink);
  for (const traffic::Buffer& bytes : packets) {
    platform::Packet packet;
    packet.bytes = bytes;
    packet.link_type = 1;
    observer.OnPacket(packet);
  }
  observer.Finish();
  EXPECT_EQ(sink.lines.size(), 2u);
  EXPECT_EQ(observer.counters().blind[static_cast<size_t>(agent::Blind::kEch)],
            1u);
  EXPECT_EQ(observer.counters().blind_flows(), 1u);
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
