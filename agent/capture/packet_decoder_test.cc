// Headers without end would hang the agent or take its stack; honest stacks of
// them would not be looked into.
#include "agent/capture/packet_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "agent/capture/low_power.h"

namespace schoolgate::agent {
namespace {

using Buffer = std::vector<uint8_t>;

constexpr int kEthernet = 1;
constexpr int kRaw = 12;

// An IPv6 header in front of `rest`, which begins with a `next` header.
Buffer Ipv6(uint8_t next, const Buffer& rest) {
  Buffer packet = {0x60, 0, 0, 0};
  packet.push_back(static_cast<uint8_t>(rest.size() >> 8));
  packet.push_back(static_cast<uint8_t>(rest.size()));
  packet.insert(packet.end(), {next, 64});
  packet.resize(40, 1);
  packet.insert(packet.end(), rest.begin(), rest.end());
  return packet;
}

Buffer Udp() { return {0, 53, 0, 54, 0, 9, 0, 0, 'x'}; }

Decoded Decode(const Buffer& bytes, int link_type) {
  platform::Packet packet;
  packet.bytes = bytes;
  packet.link_type = link_type;
  PacketDecoder decoder;
  Segment segment;
  return decoder.Decode(packet, &segment);
}

Buffer Tagged(int tags) {
  Buffer packet(12, 2);
  for (int i = 0; i < tags; ++i) {
    packet.insert(packet.end(), {0x81, 0, 0, 7});
  }
  packet.insert(packet.end(), {0x86, 0xdd});
  const Buffer inside = Ipv6(17, Udp());
  packet.insert(packet.end(), inside.begin(), inside.end());
  return packet;
}

TEST(PacketDecoder, NestedHeadersUpToTheLimitAndNoDeeper) {
  constexpr int kMost = PacketDecoder::kMaxDepth;  // the innermost counts too
  EXPECT_EQ(Decode(Tagged(kMost - 2), kEthernet), Decoded::kSegment);
  EXPECT_EQ(Decode(Tagged(kMost - 1), kEthernet), Decoded::kSegment);
  EXPECT_EQ(Decode(Tagged(kMost), kEthernet), Decoded::kUndecodable);
}

TEST(PacketDecoder, ExtensionHeadersUpToTheLimitAndNoFurther) {
  constexpr int kMost = PacketDecoder::kMaxExtensionHeaders;
  for (int headers : {kMost - 1, kMost, kMost + 1}) {
    Buffer rest;
    for (int i = 0; i < headers; ++i) {
      const uint8_t next = i + 1 < headers ? 60 : 17;
      rest.insert(rest.end(), {next, 0, 1, 4, 0, 0, 0, 0});
    }
    const Buffer udp = Udp();
    rest.insert(rest.end(), udp.begin(), udp.end());
    EXPECT_EQ(Decode(Ipv6(60, rest), kRaw),
              headers <= kMost ? Decoded::kSegment : Decoded::kUndecodable)
        << headers;
  }
}

// An aggregated 802.11 frame with so many packets.
Buffer Aggregate(int packets) {
  Buffer frame = {0x88, 1};
  frame.resize(22, 2);
  frame.insert(frame.end(), {0, 0, 0x80, 0});
  const Buffer inside = Ipv6(17, Udp());
  for (int i = 0; i < packets; ++i) {
    frame.resize(frame.size() + 12, 2);
    const size_t length = 8 + inside.size();
    frame.insert(frame.end(), {0, static_cast<uint8_t>(length), 0xaa, 0xaa, 3,
                               0, 0, 0, 0x86, 0xdd});
    frame.insert(frame.end(), inside.begin(), inside.end());
    frame.resize(frame.size() + (4 - (14 + length) % 4) % 4);
  }
  return frame;
}

TEST(PacketDecoder, FramesOfOnePacketUpToTheLimitAndThenCounted) {
  constexpr int kWireless = 105;
  constexpr int kMost = PacketDecoder::kMaxFrames;
  for (const int behind : {0, kMost - 1, kMost, kMost + 1}) {
    const Buffer bytes = Aggregate(1 + behind);
    platform::Packet packet;
    packet.bytes = bytes;
    packet.link_type = kWireless;
    PacketDecoder decoder;
    Segment segment;
    ASSERT_EQ(decoder.Decode(packet, &segment), Decoded::kSegment);
    int more = 0;
    while (decoder.has_more()) {
      segment = {};
      EXPECT_EQ(decoder.DecodeMore(packet, &segment), Decoded::kSegment);
      EXPECT_EQ(segment.src_port, 53);
      ++more;
    }
    EXPECT_EQ(more, std::min(behind, kMost));
    EXPECT_EQ(decoder.cut_packets(), behind <= kMost ? 0u : 1u) << behind;
  }
}

// A fragment of the IPv4 datagram `id`, which carries `protocol`.
Buffer Fragment(uint8_t id, uint8_t protocol, size_t offset, bool more,
                const Buffer& part) {
  const size_t total = 20 + part.size();
  const size_t where = offset / 8 | (more ? 0x2000 : 0);
  Buffer packet = {0x45,
                   0,
                   static_cast<uint8_t>(total >> 8),
                   static_cast<uint8_t>(total),
                   0,
                   id,
                   static_cast<uint8_t>(where >> 8),
                   static_cast<uint8_t>(where),
                   64,
                   protocol,
                   0,
                   0,
                   10,
                   0,
                   0,
                   1,
                   10,
                   0,
                   0,
                   2};
  packet.insert(packet.end(), part.begin(), part.end());
  return packet;
}

// The last fragment of each datagram travels in the next one.
TEST(PacketDecoder, DatagramsWithinDatagramsUpToTheLimitAndNoFurther) {
  constexpr int kMost = PacketDecoder::kMaxReassembled;
  for (int levels : {kMost - 1, kMost, kMost + 1}) {
    PacketDecoder decoder;
    Segment segment;
    platform::Packet packet;
    packet.link_type = kRaw;
    Buffer whole = Udp();
    for (int level = 1; level <= levels; ++level) {
      const auto id = static_cast<uint8_t>(level);
      const uint8_t protocol = level == 1 ? 17 : 4;
      const Buffer front(whole.begin(), whole.begin() + 8);
      const Buffer back(whole.begin() + 8, whole.end());
      const Buffer first = Fragment(id, protocol, 0, true, front);
      packet.bytes = first;
      EXPECT_EQ(decoder.Decode(packet, &segment), Decoded::kNothing);
      whole = Fragment(id, protocol, 8, false, back);
    }
    packet.bytes = whole;
    EXPECT_EQ(decoder.Decode(packet, &segment),
              levels <= kMost ? Decoded::kSegment : Decoded::kUndecodable)
        << levels;
  }
}

TEST(PacketDecoder, LabelsUpToTheLimitAndNoFurther) {
  constexpr int kMost = PacketDecoder::kMaxExtensionHeaders;
  for (int labels : {kMost - 1, kMost, kMost + 1}) {
    Buffer packet(12, 2);
    packet.insert(packet.end(), {0x88, 0x47});
    for (int i = 1; i <= labels; ++i) {
      packet.insert(packet.end(),
                    {0, 1, static_cast<uint8_t>(i == labels ? 1 : 0), 64});
    }
    const Buffer inside = Ipv6(17, Udp());
    packet.insert(packet.end(), inside.begin(), inside.end());
    EXPECT_EQ(Decode(packet, kEthernet),
              labels <= kMost ? Decoded::kSegment : Decoded::kUndecodable)
        << labels;
  }
}

// A frame of 802.15.4 with so many compressed headers, the last of them UDP's.
Buffer Compressed(int headers) {
  Buffer frame = {0x01, 0xcc, 7, 1, 0};  // data, both ends by eight bytes
  frame.resize(frame.size() + 8, 2);
  frame.insert(frame.end(), {1, 0});
  frame.resize(frame.size() + 8, 3);
  frame.insert(frame.end(), {0x7e, 0x33});  // both ends are the radio's
  for (int i = 1; i < headers; ++i) {
    frame.insert(frame.end(), {0xe7, 6, 1, 4, 0, 0, 0, 0});
  }
  frame.insert(frame.end(), {0xf3, 0x12, 0, 0, 'x'});
  return frame;
}

TEST(PacketDecoder, CompressedHeadersUpToTheLimitAndNoFurther) {
  constexpr int kLowPower = 230;
  for (int headers : {1, kMaxCompressedHeaders - 1, kMaxCompressedHeaders,
                      kMaxCompressedHeaders + 1}) {
    EXPECT_EQ(Decode(Compressed(headers), kLowPower),
              headers <= kMaxCompressedHeaders ? Decoded::kSegment
                                               : Decoded::kUndecodable)
        << headers;
  }
}

// Each connection has sent the first part of an IPv6 packet over Ethernet.
TEST(PacketDecoder, MessagesInOrderUpToTheLimitAndThenCounted) {
  constexpr int kBluetooth = 187;
  constexpr size_t kMost = PacketDecoder::kMaxInOrder;
  const Buffer inside = Ipv6(17, Udp());
  const auto size = static_cast<uint8_t>(3 + inside.size());
  for (const size_t connections : {kMost - 1, kMost, kMost + 1}) {
    PacketDecoder decoder;
    Segment segment;
    platform::Packet packet;
    packet.link_type = kBluetooth;
    for (size_t i = 0; i < connections; ++i) {
      const Buffer first = {
          2,   static_cast<uint8_t>(i), 0x20, 7, 0, size, 0, 0x41, 0, 2, 0x86,
          0xdd};
      packet.bytes = first;
      EXPECT_EQ(decoder.Decode(packet, &segment), Decoded::kNothing);
    }
    EXPECT_EQ(decoder.fragments().lost(), connections <= kMost ? 0u : 1u);
    for (size_t i = 0; i < connections; ++i) {
      Buffer rest = {2, static_cast<uint8_t>(i), 0x10,
                     static_cast<uint8_t>(inside.size()), 0};
      rest.insert(rest.end(), inside.begin(), inside.end());
      packet.bytes = rest;
      const bool lost = connections > kMost && i == 0;
      EXPECT_EQ(decoder.Decode(packet, &segment),
                lost ? Decoded::kNothing : Decoded::kSegment)
          << i << " of " << connections;
    }
  }
}

TEST(PacketDecoder, EveryCutOfAPacketIsEitherReadOrRefused) {
  const Buffer whole = Tagged(2);
  for (size_t size = 0; size < whole.size(); ++size) {
    const Buffer cut(whole.begin(), whole.begin() + static_cast<long>(size));
    const bool ports = size >= whole.size() - 1;
    EXPECT_EQ(Decode(cut, kEthernet),
              ports ? Decoded::kSegment : Decoded::kUndecodable)
        << size;
  }
}

// An IPv4 packet from 10.0.0.1 to 10.0.0.2.
Buffer Ipv4(uint8_t protocol, const Buffer& rest) {
  return Fragment(1, protocol, 0, false, rest);
}

Buffer UdpOf(uint16_t from, uint16_t to, const Buffer& payload) {
  const size_t length = 8 + payload.size();
  Buffer datagram;
  for (const size_t part : {size_t{from}, size_t{to}, length, size_t{0}}) {
    datagram.push_back(static_cast<uint8_t>(part >> 8));
    datagram.push_back(static_cast<uint8_t>(part));
  }
  datagram.insert(datagram.end(), payload.begin(), payload.end());
  return datagram;
}

// The protocol and the ports that come out.
std::vector<int> Ends(const Buffer& bytes, bool as_sent) {
  platform::Packet packet;
  packet.bytes = bytes;
  packet.link_type = kRaw;
  packet.as_sent = as_sent;
  PacketDecoder decoder;
  Segment segment;
  if (decoder.Decode(packet, &segment) != Decoded::kSegment) return {};
  return {segment.protocol, segment.src_port, segment.dst_port};
}

// A datagram with two bytes in it that says it has `length`.
Buffer UdpSaying(uint8_t length) {
  return {0, 54, 0, 53, 0, length, 0, 0, 'x', 'y'};
}

// Otherwise names would be told that no receiver reads; and of IPv6 one would
// be missed that Linux takes.
TEST(PacketDecoder, ADatagramShorterThanItsHeaderIsNone) {
  for (uint8_t length = 0; length < 8; ++length) {
    EXPECT_EQ(Decode(Ipv4(17, UdpSaying(length)), kRaw), Decoded::kUndecodable);
    EXPECT_EQ(Decode(Ipv6(17, UdpSaying(length)), kRaw),
              length == 0 ? Decoded::kSegment : Decoded::kUndecodable);
  }
  EXPECT_EQ(Decode(Ipv4(17, UdpSaying(8)), kRaw), Decoded::kSegment);
  EXPECT_EQ(Decode(Ipv4(136, UdpSaying(0)), kRaw), Decoded::kSegment)
      << "UDP-Lite: its checksum covers everything";
}

// Otherwise a packet that pretends to be a tunnel would be judged by what
// seems to be inside, and go where its outside says.
TEST(PacketDecoder, OfAPacketAsItIsSentNoTunnelIsOpened) {
  const Buffer inside = Ipv4(17, UdpOf(4444, 5300, {'x'}));
  const Buffer gtp = Buffer{0x30, 0xff, 0, 0, 0, 0, 0, 1};
  Buffer tunnel = gtp;
  tunnel.insert(tunnel.end(), inside.begin(), inside.end());
  const Buffer packet = Ipv4(17, UdpOf(40000, 2152, tunnel));
  EXPECT_EQ(Ends(packet, false), (std::vector<int>{17, 4444, 5300}));
  EXPECT_EQ(Ends(packet, true), (std::vector<int>{17, 40000, 2152}));
  Buffer gre = {0, 0, 0x08, 0};
  gre.insert(gre.end(), inside.begin(), inside.end());
  EXPECT_EQ(Ends(Ipv4(47, gre), false), (std::vector<int>{17, 4444, 5300}));
  EXPECT_EQ(Ends(Ipv4(47, gre), true), (std::vector<int>{kProtocolEsp, 0, 0}));
  EXPECT_EQ(Ends(Ipv4(4, inside), true),
            (std::vector<int>{kProtocolEsp, 0, 0}));
}

// Otherwise a question to a name server could hide behind another in it.
TEST(PacketDecoder, NothingThatANameServerIsAskedIsATunnel) {
  const Buffer inside = Ipv4(17, UdpOf(4444, 5300, {'x'}));
  Buffer tunnel = {0x30, 0xff, 0, 0, 0, 0, 0, 1};
  tunnel.insert(tunnel.end(), inside.begin(), inside.end());
  for (const int port : {53, 5353, 5355}) {
    const auto dns = static_cast<uint16_t>(port);
    EXPECT_EQ(Ends(Ipv4(17, UdpOf(2152, dns, tunnel)), false),
              (std::vector<int>{17, 2152, port}));
    EXPECT_EQ(Ends(Ipv4(17, UdpOf(dns, 2152, tunnel)), false),
              (std::vector<int>{17, port, 2152}));
  }
  EXPECT_EQ(Ends(Ipv4(17, UdpOf(2152, 443, tunnel)), false),
            (std::vector<int>{17, 2152, 443}));
  EXPECT_EQ(Ends(Ipv4(17, UdpOf(2152, 40000, tunnel)), false),
            (std::vector<int>{17, 4444, 5300}));
}

}  // namespace
}  // namespace schoolgate::agent
