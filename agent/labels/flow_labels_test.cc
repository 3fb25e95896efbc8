// Flows would get no label or a wrong one; or a worker that dies, hangs or
// lies would cost more than labels. These tests run the real schoolgate-dpi.
#include "agent/labels/flow_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "agent/observe/observer.h"
#include "platform/clock.h"

namespace schoolgate::agent {
namespace {

using Buffer = std::vector<uint8_t>;

using testing::Contains;
using testing::HasSubstr;

class Sink : public ObservationSink {
 public:
  void OnName(const Observation& seen) override {
    std::ostringstream line;
    line << seen.frame << ' ' << seen.flow << ' ' << seen.time_us << ' '
         << seen.protocol;
    if (seen.source == NameSource::kFlow) {
      lines.push_back(line.str());
      labels.insert(std::string(seen.protocol));
    } else {
      names.push_back(std::string(seen.name));
    }
  }

  std::vector<std::string> lines;  // of labels
  std::vector<std::string> names;
  std::set<std::string> labels;
};

std::string Corpus() {
  const char* named = std::getenv("SCHOOLGATE_CORPUS");
  const std::string folder = named != nullptr ? named : "../shared/corpus";
  return std::filesystem::exists(folder + "/pcap") ? folder + "/pcap" : "";
}

// What the worker says of a capture of the corpus.
class Labelled {
 public:
  explicit Labelled(const std::string& file) {
    FlowLabels labels({.program = DpiProgram(), .in_step = true}, sink_,
                      platform::SystemClock());
    EXPECT_TRUE(labels.Start().ok()) << labels.problem();
    auto source = platform::OpenCaptureFile(Corpus() + "/" + file);
    EXPECT_TRUE(source.ok()) << source.status();
    Observer observer(ObserverLimits(), sink_);
    observer.SetTap(&labels);
    platform::Packet packet;
    while ((*source)->Next(absl::ZeroDuration(), &packet) ==
           platform::NextResult::kPacket) {
      observer.OnPacket(packet);
    }
    observer.Finish();
    EXPECT_TRUE(labels.Finish().ok());
    blind_change_ = labels.blind_change();
    EXPECT_EQ(labels.counters().labels, sink_.lines.size());
  }

  const Sink& sink() const { return sink_; }
  int64_t blind(Blind cause) const {
    return blind_change_[static_cast<size_t>(cause)];
  }

 private:
  Sink sink_;
  std::array<int64_t, kBlindCauses> blind_change_{};
};

#define NEEDS_CORPUS()                                             \
  if (Corpus().empty()) {                                          \
    GTEST_SKIP() << "no corpus here: SCHOOLGATE_CORPUS names one"; \
  }

TEST(FlowLabelsTest, LabelsWhatHasNoName) {
  NEEDS_CORPUS();
  const std::map<std::string, std::string> truth = {
      {"cef4b88d9c__WireGuard.pcapng", "WireGuard"},
      {"0835c933bb__openvpn.pcapng", "OpenVPN"},
      {"d2f9c55659__bittorrent.pcap", "BitTorrent"},
      {"b472df48cb__rdp.pcap", "RDP"},
      {"56af06c974__vncmac.pcap", "VNC"},
      {"744e62dd0f__ssh2.pcap", "SSH"},
      {"de1ece7953__socks.pcap", "SOCKS"}};
  for (const auto& [file, label] : truth) {
    EXPECT_THAT(Labelled(file).sink().labels, Contains(label)) << file;
  }
}

TEST(FlowLabelsTest, ATunnelIsBlindnessWithItsCause) {
  NEEDS_CORPUS();
  EXPECT_GT(Labelled("0835c933bb__openvpn.pcapng").blind(Blind::kVpn), 0);
}

// Otherwise a replay could not be compared with the one before.
TEST(FlowLabelsTest, TheSameCaptureGetsTheSameLabelsEachTime) {
  NEEDS_CORPUS();
  const std::string file = "0e0437ec1c__many-protocols.pcap";
  const Labelled once(file);
  EXPECT_FALSE(once.sink().lines.empty());
  for (int i = 0; i < 3; ++i) {
    const Labelled again(file);
    EXPECT_EQ(again.sink().lines, once.sink().lines);
    for (size_t cause = 0; cause < kBlindCauses; ++cause) {
      EXPECT_EQ(again.blind(static_cast<Blind>(cause)),
                once.blind(static_cast<Blind>(cause)))
          << BlindName(static_cast<Blind>(cause));
    }
  }
  std::set<std::string> flows;
  for (const std::string& line : once.sink().lines) {
    std::istringstream words(line);
    std::string frame;
    std::string flow;
    words >> frame >> flow;
    EXPECT_TRUE(flows.insert(flow).second) << "labelled twice: " << line;
  }
}

// A flow that speaks SSH, and a worker that is told of it packet by packet.
class LiveLabelsTest : public testing::Test {
 protected:
  LiveLabelsTest() { EXPECT_TRUE(labels_.Start().ok()) << labels_.problem(); }

  // The two banners of one more SSH connection.
  uint64_t Talk() {
    static constexpr std::string_view kBanner = "SSH-2.0-OpenSSH_9.2p1\r\n";
    Flow flow{};
    flow.id = ++flows_;
    flow.protocol = kProtocolTcp;
    flow.ports[0] = static_cast<uint16_t>(40000 + flows_ % 20000);
    flow.ports[1] = 22;
    for (int side : {1, 0}) {
      Segment segment;
      segment.src = flow.ends[side];
      segment.dst = flow.ends[side ^ 1];
      segment.src[10] = segment.src[11] = 0xff;
      segment.dst[10] = segment.dst[11] = 0xff;
      segment.src[15] = static_cast<uint8_t>(1 + side);
      segment.dst[15] = static_cast<uint8_t>(2 - side);
      segment.src_port = flow.ports[side];
      segment.dst_port = flow.ports[side ^ 1];
      segment.protocol = kProtocolTcp;
      segment.tcp_flags = kTcpAck;
      segment.tcp_seq = segment.tcp_ack = 1000;
      segment.payload = {reinterpret_cast<const uint8_t*>(kBanner.data()),
                         kBanner.size()};
      labels_.OnPacket(flow, segment, ++frames_, 1'000'000);
    }
    labels_.OnClosed(flow);
    return flow.id;
  }

  // Real processes take what time they take: until `done`, with a limit that
  // only a broken build meets.
  template <typename Done>
  bool Until(Done done) {
    const absl::Duration begin = platform::SystemClock().SinceBoot();
    while (!done()) {
      if (platform::SystemClock().SinceBoot() - begin > absl::Seconds(60)) {
        return false;
      }
      usleep(1000);
      labels_.Tend();
    }
    return true;
  }

  Sink sink_;
  platform::ManualClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  FlowLabels labels_{{.program = DpiProgram()}, sink_, clock_};
  uint64_t flows_ = 0;
  uint64_t frames_ = 0;
};

TEST_F(LiveLabelsTest, TellsALabelSoon) {
  Talk();
  ASSERT_TRUE(Until([&] { return !sink_.lines.empty(); }));
  EXPECT_THAT(sink_.labels, Contains("SSH"));
  EXPECT_EQ(labels_.counters().deaths, 0u);
}

TEST_F(LiveLabelsTest, AKilledWorkerIsCountedAndStartedAnew) {
  const pid_t first = labels_.worker();
  ASSERT_GT(first, 0);
  kill(first, SIGKILL);
  ASSERT_TRUE(Until([&] { return labels_.counters().deaths == 1; }));
  Talk();  // meanwhile: no label, no harm
  EXPECT_EQ(labels_.worker(), 0);
  clock_.Advance(FlowLabels::kFirstWait);
  labels_.Tend();
  EXPECT_EQ(labels_.counters().starts, 2u);
  EXPECT_NE(labels_.worker(), first);
  Talk();
  EXPECT_TRUE(Until([&] { return labels_.counters().labels == 1; }));
}

TEST_F(LiveLabelsTest, WorkersThatDieYoungAreStartedMoreAndMoreSeldom) {
  absl::Duration wait = FlowLabels::kFirstWait;
  for (uint64_t death = 1; death <= 5; ++death) {
    kill(labels_.worker(), SIGKILL);
    ASSERT_TRUE(Until([&] { return labels_.counters().deaths == death; }));
    clock_.Advance(wait - absl::Milliseconds(1));
    labels_.Tend();
    EXPECT_EQ(labels_.worker(), 0) << death;
    clock_.Advance(absl::Milliseconds(1));
    labels_.Tend();
    EXPECT_NE(labels_.worker(), 0) << death;
    wait *= 2;
  }
  clock_.Advance(FlowLabels::kYoung);
  kill(labels_.worker(), SIGKILL);
  ASSERT_TRUE(Until([&] { return labels_.counters().deaths == 6; }));
  EXPECT_TRUE(Until([&] { return labels_.worker() != 0; }));  // at once
}

// Otherwise a worker that hangs would cost labels for ever, or hold packets.
TEST_F(LiveLabelsTest, AStoppedWorkerLosesPacketsAndIsReplaced) {
  Talk();
  ASSERT_TRUE(Until([&] { return labels_.counters().labels == 1; }));
  const pid_t stopped = labels_.worker();
  kill(stopped, SIGSTOP);
  for (uint32_t i = 0; i < kPacketRing.slots; ++i) Talk();  // never blocks
  EXPECT_GT(labels_.counters().dropped, 0u);
  labels_.Tend();
  clock_.Advance(FlowLabels::kStallLimit - absl::Milliseconds(1));
  labels_.Tend();
  EXPECT_EQ(labels_.counters().stalls, 0u);
  clock_.Advance(absl::Milliseconds(1));
  labels_.Tend();
  EXPECT_EQ(labels_.counters().stalls, 1u);
  EXPECT_GT(labels_.counters().lost, 0u);
  EXPECT_NE(kill(stopped, 0), 0);
  clock_.Advance(FlowLabels::kFirstWait);
  labels_.Tend();
  const uint64_t before = labels_.counters().labels;
  Talk();
  EXPECT_TRUE(Until([&] { return labels_.counters().labels > before; }));
}

// Otherwise a flood of flows would take the agent's memory.
TEST_F(LiveLabelsTest, FlowsWaitUpToTheLimitAndFurtherOnesAreCounted) {
  kill(labels_.worker(), SIGSTOP);  // so that none is answered
  const Buffer payload(20);
  Segment segment;
  segment.protocol = kProtocolUdp;
  segment.payload = payload;
  for (uint64_t id = 1; id <= FlowLabels::kMostWaiting + 1; ++id) {
    EXPECT_EQ(labels_.counters().refused, 0u);
    Flow flow{};
    flow.id = id;
    flow.protocol = kProtocolUdp;
    labels_.OnPacket(flow, segment, id, 1'000'000);
  }
  EXPECT_EQ(labels_.counters().refused, 1u);
}

TEST_F(LiveLabelsTest, PacketsAreFedUpToTheLimitAndCutOnesAreCounted) {
  Flow flow{};
  flow.id = 1;
  flow.protocol = kProtocolUdp;
  Segment segment;
  segment.protocol = kProtocolUdp;
  for (size_t bytes :
       {kMostTapPayload - 1, kMostTapPayload, kMostTapPayload + 1}) {
    const Buffer payload(bytes);
    segment.payload = payload;
    labels_.OnPacket(flow, segment, 1, 1'000'000);
    EXPECT_EQ(labels_.counters().cut, bytes <= kMostTapPayload ? 0u : 1u);
  }
}

// Whatever becomes of the worker, names are as they were.
TEST_F(LiveLabelsTest, NamesGoOnWithoutTheWorker) {
  NEEDS_CORPUS();
  const auto names = [&](FlowTap* tap, int fatal) {
    Sink sink;
    auto source = platform::OpenCaptureFile(Corpus() +
                                            "/0e0437ec1c__many-protocols.pcap");
    EXPECT_TRUE(source.ok()) << source.status();
    Observer observer(ObserverLimits(), sink);
    observer.SetTap(tap);
    platform::Packet packet;
    for (int i = 0; (*source)->Next(absl::ZeroDuration(), &packet) ==
                    platform::NextResult::kPacket;
         ++i) {
      if (i == 10 && tap != nullptr) kill(labels_.worker(), fatal);
      observer.OnPacket(packet);
    }
    observer.Finish();
    return sink.names;
  };
  const auto alone = names(nullptr, 0);
  EXPECT_FALSE(alone.empty());
  EXPECT_EQ(names(&labels_, SIGSTOP), alone);
  EXPECT_EQ(names(&labels_, SIGKILL), alone);
}

// A worker that was taken over by hostile bytes.
TEST_F(LiveLabelsTest, AWorkerThatWritesNonsenseIsEnded) {
  const std::string program =
      testing::TempDir() + "/hostile_worker." + std::to_string(getpid());
  std::ofstream(program) << "#!/bin/sh\n"
                            "printf '\\377\\377\\377\\377' | dd bs=1 seek=64 "
                            "conv=notrunc of=/proc/self/fd/3 2>/dev/null\n"
                            "exec sleep 1000\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  FlowLabels labels({.program = program}, sink_, clock_);
  ASSERT_TRUE(labels.Start().ok()) << labels.problem();
  const pid_t worker = labels.worker();
  EXPECT_TRUE(Until([&] {
    labels.Tend();
    return labels.counters().broken == 1;
  }));
  EXPECT_NE(kill(worker, 0), 0);
  EXPECT_EQ(labels.counters().deaths, 0u);
  std::filesystem::remove(program);
}

TEST_F(LiveLabelsTest, TheWorkerHasNoRights) {
  Talk();
  ASSERT_TRUE(Until([&] { return labels_.counters().labels == 1; }));
  std::ifstream file("/proc/" + std::to_string(labels_.worker()) + "/status");
  std::stringstream status;
  status << file.rdbuf();
  EXPECT_THAT(status.str(), HasSubstr("Seccomp:\t2"));
  EXPECT_THAT(status.str(), HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(status.str(), HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(status.str(), HasSubstr("CapPrm:\t0000000000000000"));
  std::ifstream limits_file("/proc/" + std::to_string(labels_.worker()) +
                            "/limits");
  std::stringstream limits;
  limits << limits_file.rdbuf();
  for (const char* limit :
       {"Max address space         67108864             67108864",
        "Max open files            1                    1",
        "Max core file size        0                    0"}) {
    EXPECT_THAT(limits.str(), HasSubstr(limit));
  }
  if (geteuid() == 0) {
    EXPECT_THAT(status.str(), HasSubstr("CapBnd:\t0000000000000000"));
    EXPECT_THAT(status.str(), testing::Not(HasSubstr("Uid:\t0")));
    EXPECT_THAT(status.str(), testing::Not(HasSubstr("Gid:\t0")));
  }
}

TEST(FlowLabelsStartTest, WithoutTheProgramThereAreNoLabelsAndAReason) {
  Sink sink;
  platform::ManualClock clock(absl::FromUnixSeconds(1'800'000'000));
  FlowLabels labels({.program = "/nonexistent/schoolgate-dpi"}, sink, clock);
  EXPECT_FALSE(labels.Start().ok());
  EXPECT_THAT(labels.problem(), HasSubstr("/nonexistent/schoolgate-dpi"));
  Flow flow{};
  labels.OnPacket(flow, Segment{.protocol = kProtocolTcp}, 1, 1);
  labels.Tend();
  EXPECT_EQ(labels.counters().packets, 0u);
}

}  // namespace
}  // namespace schoolgate::agent
