// Bytes of a visit would be counted wrongly, blindness hidden, or a flood of
// made-up flows would eat the laptop's memory.
#include "agent/observe/observer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace schoolgate::agent {
namespace {

using Buffer = std::vector<uint8_t>;

constexpr uint8_t kData = kTcpAck;

class Recorder : public ObservationSink {
 public:
  void OnName(const Observation& seen) override {
    names.emplace_back(seen.name);
    last_uid = seen.uid;
  }
  void OnFlow(const FlowProgress& progress) override {
    flows.push_back(progress);
  }
  std::vector<std::string> names;
  std::vector<FlowProgress> flows;
  uint32_t last_uid = 0;
};

Buffer Ip(uint32_t src, uint32_t dst, uint8_t protocol, const Buffer& body) {
  const size_t total = 20 + body.size();
  Buffer packet = {0x45,
                   0,
                   static_cast<uint8_t>(total >> 8),
                   static_cast<uint8_t>(total),
                   0,
                   1,
                   0,
                   0,
                   64,
                   protocol,
                   0,
                   0};
  for (uint32_t address : {src, dst}) {
    for (int i = 3; i >= 0; --i) {
      packet.push_back(static_cast<uint8_t>(address >> (8 * i)));
    }
  }
  packet.insert(packet.end(), body.begin(), body.end());
  return packet;
}

Buffer Tcp(uint16_t src, uint16_t dst, uint32_t seq, uint8_t flags,
           const std::string& text) {
  Buffer segment = {static_cast<uint8_t>(src >> 8), static_cast<uint8_t>(src),
                    static_cast<uint8_t>(dst >> 8), static_cast<uint8_t>(dst)};
  for (int i = 3; i >= 0; --i) {
    segment.push_back(static_cast<uint8_t>(seq >> (8 * i)));
  }
  segment.insert(segment.end(), {0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0});
  segment.insert(segment.end(), text.begin(), text.end());
  return segment;
}

class ObserverTest : public testing::Test {
 protected:
  void Feed(const Buffer& packet, int64_t time_us = 0) {
    platform::Packet in;
    in.bytes = packet;
    in.wire_bytes = static_cast<uint32_t>(packet.size());
    in.link_type = 12;
    in.time_us = time_us;
    in.frame = ++frame_;
    in.uid = 1000;
    in.interface = interface_;
    in.stands_for = stands_for_;
    observer_.OnPacket(in);
  }
  void Client(uint32_t seq, uint8_t flags, const std::string& text,
              int64_t time_us = 0, uint16_t port = 80) {
    Feed(Ip(2, 1, 6, Tcp(50000, port, seq, flags, text)), time_us);
  }
  void Server(uint32_t seq, uint8_t flags, const std::string& text,
              int64_t time_us = 0) {
    Feed(Ip(1, 2, 6, Tcp(80, 50000, seq, flags, text)), time_us);
  }

  Recorder sink_;
  Observer observer_{ObserverLimits(), sink_};
  uint64_t frame_ = 0;
  uint32_t interface_ = 0;
  uint16_t stands_for_ = 1;
};

TEST_F(ObserverTest, TellsBytesOfEachEndFromOpeningToClosing) {
  Client(0, kTcpSyn, "");
  Server(0, kTcpSyn | kTcpAck, "", 10);
  Client(1, kData, std::string(100, 'x'), 20);
  Server(1, kData, std::string(500, 'y'), 2'000'000);
  observer_.Finish();
  ASSERT_EQ(sink_.flows.size(), 3u);
  EXPECT_TRUE(sink_.flows[0].opened);
  EXPECT_FALSE(sink_.flows[1].opened || sink_.flows[1].closed);
  const FlowProgress& last = sink_.flows[2];
  EXPECT_TRUE(last.closed);
  EXPECT_EQ(last.client.port, 50000);
  EXPECT_EQ(last.server.port, 80);
  EXPECT_EQ(last.sent_bytes, 40u + 140u);
  EXPECT_EQ(last.received_bytes, 40u + 540u);
  EXPECT_EQ(last.uid, 1000u);
}

// Otherwise the packet that ends a connection seems to bring what came long
// before it.
TEST_F(ObserverTest, SaysWhatAPacketBroughtAndWhatCameBefore) {
  Client(0, kTcpSyn, "");
  Server(0, kTcpSyn | kTcpAck, "", 10);
  Server(1, kData, std::string(500, 'y'), 20);
  Server(501, kData, std::string(70, 'y'), 15'000'000);
  ASSERT_EQ(sink_.flows.size(), 2u);
  EXPECT_EQ(sink_.flows[1].received_bytes, 40u + 540u + 110u);
  EXPECT_EQ(sink_.flows[1].packet_received, 110u);
  EXPECT_EQ(sink_.flows[1].earlier_us, 20);
}

class CountingTap : public FlowTap {
 public:
  void OnPacket(Flow&, const Segment&, uint64_t, int64_t) override {
    ++packets;
  }
  void OnClosed(const Flow&) override {}
  uint32_t packets = 0;
};

TEST_F(ObserverTest, TheTapSeesTheFirstPacketsAndWhatIsBeyondIsCounted) {
  CountingTap tap;
  observer_.SetTap(&tap);
  for (uint32_t i = 0; i < FlowTap::kFirstPackets; ++i) {
    Client(i, kData, "x");
  }
  EXPECT_EQ(tap.packets, FlowTap::kFirstPackets);
  EXPECT_EQ(observer_.counters().untapped_flows, 0u);
  for (uint32_t i = 0; i < 300; ++i) Client(100 + i, kData, "x");
  EXPECT_EQ(tap.packets, FlowTap::kFirstPackets);
  EXPECT_EQ(observer_.counters().untapped_flows, 1u);
  observer_.Finish();
}

TEST_F(ObserverTest, TheSamePortsAgainAreAnotherFlow) {
  Client(0, kTcpSyn, "");
  Client(1, kData, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  Client(9000, kTcpSyn, "");
  Client(9001, kData, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  EXPECT_EQ(sink_.names, (std::vector<std::string>{"a.example", "a.example"}));
  EXPECT_EQ(observer_.counters().flows, 2u);
  EXPECT_EQ(sink_.last_uid, 1000u);
}

TEST_F(ObserverTest, CountsWhyThereIsNoName) {
  Client(50, kData, "in the middle of something", 0, 443);
  observer_.Finish();
  const ObserverCounters& counters = observer_.counters();
  EXPECT_EQ(counters.blind[static_cast<size_t>(Blind::kMissedStart)], 1u);
  EXPECT_EQ(counters.blind_flows(), 1u);
  EXPECT_EQ(counters.name_bearing_flows, 1u);
  EXPECT_EQ(BlindName(Blind::kMissedStart), "missed_start");
}

TEST_F(ObserverTest, AMillionSpoofedFlowsStayUnderTheCap) {
  Client(0, kTcpSyn, "");
  const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  for (uint32_t i = 0; i < 1'000'000; ++i) {
    Feed(Ip(0x0b000000 + i, 1, 6, Tcp(1234, 443, 5, kData, hello)), 1000);
  }
  EXPECT_LE(observer_.memory_bytes(), size_t{64} << 20);
  const ObserverCounters& counters = observer_.counters();
  EXPECT_GT(counters.refused_flows, 0u);
  EXPECT_GT(counters.lost_partials, 0u);
  EXPECT_EQ(counters.flows + counters.refused_flows, 1'000'001u);
  // The flow that was there before still gives its name.
  Client(1, kData, "GET / HTTP/1.1\r\nHost: still.example\r\n\r\n", 2000);
  EXPECT_EQ(sink_.names, std::vector<std::string>{"still.example"});
}

// One packet crosses a bridge and its network card. Otherwise a page would look
// twice as large as it is, and names would be told twice.
TEST_F(ObserverTest, APacketOnTwoInterfacesCountsOnce) {
  const std::string request = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
  const auto cross = [&](uint32_t seq, uint8_t flags, const std::string& text) {
    for (const uint32_t interface : {7, 3}) {
      interface_ = interface;
      Client(seq, flags, text);
    }
  };
  cross(100, kTcpSyn, "");
  cross(101, kData, request);
  interface_ = 3;
  Server(500, kData, std::string(1000, 'x'));
  interface_ = 7;
  Server(500, kData, std::string(1000, 'x'));
  observer_.Finish();
  EXPECT_EQ(sink_.names, std::vector<std::string>{"a.example"});
  EXPECT_EQ(sink_.flows.back().sent_bytes, 40u + 40u + request.size());
  EXPECT_EQ(sink_.flows.back().received_bytes, 1040u);
  EXPECT_EQ(observer_.counters().echoes, 3u);
}

// Otherwise a laptop that roams would go blind on what was open before.
TEST_F(ObserverTest, AFlowThatMovesIsFollowed) {
  interface_ = 7;
  Client(100, kTcpSyn, "");
  interface_ = 9;
  Client(101, kData, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 3'000'000);
  EXPECT_EQ(sink_.names, std::vector<std::string>{"a.example"});
}

// Otherwise a film would look like a page that was left at once.
TEST_F(ObserverTest, ASampleStandsForItsPackets) {
  Client(100, kTcpSyn, "");
  stands_for_ = 16;
  Server(500, kData, std::string(1000, 'x'));
  observer_.Finish();
  EXPECT_EQ(sink_.flows.back().received_bytes, 16u * 1040u);
}

}  // namespace
}  // namespace schoolgate::agent
