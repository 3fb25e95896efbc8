// Somebody who sends without end would take the agent's memory or time; a
// limit that is off by one would lose honest names.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "agent/observe/client_hello.h"
#include "agent/observe/http_request.h"
#include "agent/observe/partial_pool.h"
#include "agent/observe/stream_for_tests.h"
#include "agent/observe/stream_front.h"
#include "agent/observe/tcp_inspector.h"
#include "agent/observe/udp_inspector.h"

namespace schoolgate::agent {
namespace {

class StreamLimits : public testing::Test, protected Stream {
 protected:
  // The hello byte by byte, its front last.
  void SendReversed(size_t segments) {
    const Buffer hello = Hello();
    const size_t front = hello.size() - (segments - 1);
    for (size_t at = hello.size() - 1; at >= front; --at) {
      Send(static_cast<uint32_t>(1 + at), {hello[at]});
    }
    Send(1, Buffer(hello.begin(), hello.begin() + static_cast<long>(front)));
  }
};

TEST_F(StreamLimits, SegmentsWaitUpToTheLimit) {
  SendReversed(TcpInspector::kMaxWaiting + 1);  // with the one they wait for
  EXPECT_EQ(sink_.names.size(), 1u);
  EXPECT_EQ(teller_.counters().oversized, 0u);
}

TEST_F(StreamLimits, OneMoreThatWaitsIsCountedAndLetGo) {
  SendReversed(TcpInspector::kMaxWaiting + 2);
  EXPECT_TRUE(sink_.names.empty());
  EXPECT_EQ(teller_.counters().oversized, 1u);
  EXPECT_EQ(partials_.live(), 0u);
}

TEST_F(StreamLimits, AMessageOfTooManySegmentsIsCountedAndLetGo) {
  Buffer begun = Hello();
  begun[3] = 0x40;  // a record that never ends
  Send(1, begun);
  for (uint32_t i = 1; i < TcpInspector::kMaxSegments; ++i) {
    Send(static_cast<uint32_t>(begun.size()) + i, {7});
  }
  EXPECT_EQ(teller_.counters().oversized, 0u);
  EXPECT_EQ(partials_.live(), 1u);
  Send(static_cast<uint32_t>(begun.size()) + TcpInspector::kMaxSegments, {7});
  EXPECT_EQ(teller_.counters().oversized, 1u);
  EXPECT_EQ(partials_.live(), 0u);
}

TEST(StreamCounters, OutOfOrderNearTheStartIsKeptAndFurtherIsCounted) {
  const uint32_t most = TcpInspector::kYoungBytes;
  for (const uint32_t ahead : {most - 1, most, most + 1}) {
    Stream fresh;
    fresh.Send(1 + ahead, Buffer{7});
    EXPECT_EQ(fresh.partials_.live(), ahead < most ? 1u : 0u) << ahead;
    EXPECT_EQ(fresh.teller_.counters().unkept_segments, ahead < most ? 0u : 1u);
  }
}

// A stream of DNS whose beginning nobody saw.
struct LateDns : Stream {
  LateDns() {
    flow_ = {};
    flow_.id = 1;
    flow_.ports[1] = 53;
  }
};

TEST(TcpDns, AMessageWithoutItsBeginningWaitsForIt) {
  const Buffer query = {0, 24, 0,   1, 1,   0,   0,   1,   0, 0, 0, 0, 0,
                        0, 1,  'a', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};
  LateDns late;
  for (size_t at = 25; at >= 15; --at) {
    late.Send(static_cast<uint32_t>(1 + at), Buffer{query[at]});
  }
  late.Send(1, Buffer(query.begin(), query.begin() + 15));
  EXPECT_EQ(late.sink_.names, std::vector<std::string>{"a.test"});
  EXPECT_EQ(late.partials_.live(), 0u);
}

TEST(TcpDns, WhatBeginsNoMessageWaitsUpToTheLimitAndIsCounted) {
  LateDns late;
  uint32_t seq = 100;
  for (uint32_t i = 0; i < TcpDns::kMaxWaiting; ++i)
    late.Send(seq--, Buffer{0});
  EXPECT_EQ(late.partials_.live(), 1u);
  EXPECT_EQ(late.teller_.counters().malformed, 0u);
  late.Send(seq, Buffer{0});
  EXPECT_EQ(late.partials_.live(), 0u);
  EXPECT_EQ(late.teller_.counters().malformed, 1u);
}

TEST(TcpDns, AMessageOfTooManySegmentsIsCountedAndLetGo) {
  Stream fresh;
  fresh.flow_.ports[1] = 53;
  fresh.Send(1, Buffer{0xff, 0xff});
  for (uint32_t i = 1; i < TcpDns::kMaxSegments; ++i) {
    fresh.Send(2 + i, Buffer{7});
  }
  EXPECT_EQ(fresh.teller_.counters().malformed, 0u);
  EXPECT_EQ(fresh.partials_.live(), 1u);
  fresh.Send(2 + TcpDns::kMaxSegments, Buffer{7});
  EXPECT_EQ(fresh.teller_.counters().malformed, 1u);
  EXPECT_EQ(fresh.partials_.live(), 0u);
}

TEST(StreamCounters, ALongerRequestHeadIsCounted) {
  for (const size_t bytes :
       {kMaxRequestHead - 1, kMaxRequestHead, kMaxRequestHead + 1}) {
    Stream fresh;
    const std::string host = "\r\nHost: a.example\r\n";
    std::string head = "GET / HTTP/1.1\r\nX: ";
    head.append(bytes - head.size() - host.size(), 'x').append(host);
    fresh.Send(1, head + "\r\n");
    const bool fits = bytes <= kMaxRequestHead;
    EXPECT_EQ(fresh.sink_.names.size(), fits ? 1u : 0u) << bytes;
    EXPECT_EQ(fresh.teller_.counters().oversized, fits ? 0u : 1u) << bytes;
  }
}

TEST(StreamCounters, LongerTextInFrontOfAHelloIsCounted) {
  for (const size_t bytes :
       {kMaxTextFront - 1, kMaxTextFront, kMaxTextFront + 1}) {
    Stream fresh;
    std::string text = "EHLO a\r\n";
    text.append(bytes - text.size() - 2, 'x').append("\r\n");
    Buffer stream(text.begin(), text.end());
    const Buffer hello = Hello();
    stream.insert(stream.end(), hello.begin(), hello.end());
    fresh.Send(1, stream);
    const bool fits = bytes <= kMaxTextFront;
    EXPECT_EQ(fresh.sink_.names.size(), fits ? 1u : 0u) << bytes;
    EXPECT_EQ(fresh.teller_.counters().long_fronts, fits ? 0u : 1u) << bytes;
  }
}

TEST(StreamCounters, MoreRecordsInFrontOfAHelloAreCounted) {
  for (int records : {kMaxRecordsInFront, kMaxRecordsInFront + 1}) {
    Stream fresh;
    Buffer stream;
    for (int i = 0; i < records; ++i) {
      stream.insert(stream.end(), {20, 3, 3, 0, 1, 1});
    }
    const Buffer hello = Hello();
    stream.insert(stream.end(), hello.begin(), hello.end());
    fresh.Send(1, stream);
    const bool fits = records <= kMaxRecordsInFront;
    EXPECT_EQ(fresh.sink_.names.size(), fits ? 1u : 0u) << records;
    EXPECT_EQ(fresh.teller_.counters().oversized, fits ? 0u : 1u) << records;
  }
}

TEST(StreamCounters, AHelloThatIsTooLongIsCounted) {
  for (const size_t bytes :
       {kMaxHelloBytes - 1, kMaxHelloBytes, kMaxHelloBytes + 1}) {
    Stream fresh;
    Buffer begun = {22, 3, 1, 0x40, 0, 1, 0, 0, 0, 3, 3};
    for (int i = 0; i < 3; ++i) {
      begun[static_cast<size_t>(6 + i)] =
          static_cast<uint8_t>(bytes >> (16 - 8 * i));
    }
    fresh.Send(1, begun);
    const bool fits = bytes <= kMaxHelloBytes;
    EXPECT_EQ(fresh.partials_.live(), fits ? 1u : 0u) << bytes;
    EXPECT_EQ(fresh.teller_.counters().oversized, fits ? 0u : 1u) << bytes;
  }
}

TEST(ClientHelloSearch, RecordsInFrontUpToTheLimitAndNoFurther) {
  for (int records = kMaxRecordsInFront - 1; records <= kMaxRecordsInFront + 1;
       ++records) {
    Buffer stream;
    for (int i = 0; i < records; ++i) {
      stream.insert(stream.end(), {20, 3, 3, 0, 1, 1});
    }
    const Buffer hello = Hello();
    stream.insert(stream.end(), hello.begin(), hello.end());
    Buffer scratch;
    ClientHello found;
    EXPECT_EQ(FindClientHello(stream, &scratch, &found).result,
              records <= kMaxRecordsInFront ? Search::kFound : Search::kNot)
        << records;
  }
}

TEST(PartialPool, PlacesUpToTheLimitThenTheOldestGoes) {
  PartialPool pool(4, 1 << 20);
  std::vector<Flow> flows(5);
  for (size_t i = 0; i < flows.size(); ++i) {
    flows[i].id = i + 1;
    pool.Make(flows[i], 0);
    EXPECT_EQ(pool.evicted(), i < 4 ? 0u : 1u);
  }
  EXPECT_EQ(pool.live(), 4u);
  EXPECT_NE(pool.Find(flows[4], 0), nullptr);
}

TEST(PartialPool, BytesUpToTheLimitThenOthersGo) {
  PartialPool pool(4, 3000);
  Flow flows[2]{};
  flows[0].id = 1;
  flows[1].id = 2;
  const Buffer bytes(1400);
  for (Flow& flow : flows) {
    Partial* partial = pool.Make(flow, 0);
    ASSERT_TRUE(partial->bytes.Insert(0, bytes));
    pool.Charge(*partial);
  }
  EXPECT_EQ(pool.evicted(), 0u);
  Partial* grown = pool.Find(flows[1], 0);
  ASSERT_TRUE(grown->bytes.Insert(1400, bytes));
  pool.Charge(*grown);
  EXPECT_EQ(pool.evicted(), 1u);
  EXPECT_EQ(pool.Find(flows[0], 0), nullptr);
  EXPECT_EQ(pool.Find(flows[1], 0), grown);
}

// What a hello's protocols, its name and an answer may hold.
TEST(Teller, ProtocolsUpToTheLimitAndThenCounted) {
  Recorder sink;
  Teller teller(sink);
  for (size_t count :
       {Teller::kMaxAlpn - 1, Teller::kMaxAlpn, Teller::kMaxAlpn + 1}) {
    Buffer alpn;
    for (size_t i = 0; i < count; ++i) alpn.insert(alpn.end(), {2, 'h', '2'});
    const Buffer name = {'a', '.', 'b'};
    ClientHello hello;
    hello.names[0] = name;
    hello.name_count = 1;
    hello.alpn = alpn;
    Flow flow{};
    teller.Hello(NameSource::kTls, flow, 0, hello);
    EXPECT_EQ(sink.protocols, std::min(count, Teller::kMaxAlpn));
    EXPECT_EQ(teller.counters().unread_alpn,
              count <= Teller::kMaxAlpn ? 0u : 1u);
  }
}

// RFC 6066 allows one name; who sends two, and the same hello again, has
// contacted two servers once.
TEST(Teller, TwoNamesOfAHelloAreToldOnceHoweverOftenItComes) {
  Recorder sink;
  Teller teller(sink);
  const Buffer a = {'a', '.', 'b'}, c = {'c', '.', 'd'};
  const auto say = [&](Flow& flow, Bytes first, Bytes second) {
    ClientHello hello;
    for (const Bytes name : {first, second}) {
      if (!name.empty()) hello.names[hello.name_count++] = name;
    }
    teller.Hello(NameSource::kTls, flow, 0, hello);
  };
  using Names = std::vector<std::string>;
  Flow flow{};
  for (int i = 0; i < 3; ++i) say(flow, a, c);
  EXPECT_EQ(sink.names, (Names{"a.b", "c.d"}));
  say(flow, c, a);  // another hello
  EXPECT_EQ(sink.names, (Names{"a.b", "c.d", "c.d", "a.b"}));
  Flow same{};
  sink.names.clear();
  for (int i = 0; i < 2; ++i) say(same, a, a);
  say(same, a, {});
  EXPECT_EQ(sink.names, Names{"a.b"});
}

TEST(Teller, NamesUpToTheLimitAndThenCutAndCounted) {
  Recorder sink;
  Teller teller(sink);
  for (size_t bytes :
       {NameText::kMaxText - 1, NameText::kMaxText, NameText::kMaxText + 1}) {
    const Buffer name(bytes, 'a');
    ClientHello hello;
    hello.names[0] = name;
    hello.name_count = 1;
    Flow flow{};
    teller.Hello(NameSource::kTls, flow, 0, hello);
    EXPECT_EQ(sink.names.back().size(), std::min(bytes, NameText::kMaxText));
    EXPECT_EQ(teller.counters().cut_names,
              bytes <= NameText::kMaxText ? 0u : 1u);
  }
}

TEST(Teller, AnswersUpToTheLimitAndThenCounted) {
  Recorder sink;
  Teller teller(sink);
  constexpr int kMost = DnsMessage::kMaxEntries;
  for (int answers : {kMost - 1, kMost, kMost + 1}) {
    const Buffer header = {0,
                           7,
                           0x81,
                           0x80,
                           0,
                           0,
                           static_cast<uint8_t>(answers >> 8),
                           static_cast<uint8_t>(answers),
                           0,
                           0,
                           0,
                           0};
    teller.Dns(NameSource::kDns, Transport::kUdp, Segment(), 1, header);
    EXPECT_EQ(teller.counters().unread_answers, answers <= kMost ? 0u : 1u);
  }
}

// The set of answers is as large as it is: then the old make room, counted.
TEST(Teller, AnswersThatPushOthersOutAreCounted) {
  ResolvedAddresses resolved;
  size_t pushed_out = 0;
  Address address{};
  for (size_t i = 0; i < 2 * ResolvedAddresses::kSlots; ++i) {
    address[14] = static_cast<uint8_t>(i >> 8);
    address[15] = static_cast<uint8_t>(i);
    address[13] = static_cast<uint8_t>(i >> 16);
    const bool pushed = resolved.Add(address);
    if (i == 0) {
      EXPECT_FALSE(pushed);
    }
    pushed_out += pushed;
    EXPECT_FALSE(resolved.Add(address));
  }
  EXPECT_GE(pushed_out, ResolvedAddresses::kSlots);
  CoverNames covers;
  EXPECT_FALSE(covers.Add("a.example"));
  EXPECT_FALSE(covers.Add("a.example"));
  pushed_out = 0;
  for (size_t i = 0; i < 2 * CoverNames::kSlots; ++i) {
    pushed_out += covers.Add(std::to_string(i) + ".example");
  }
  EXPECT_GE(pushed_out, CoverNames::kSlots);
}

// A call that became a stream of sound is not taken for anything else later.
TEST(UdpInspector, DatagramsAreReadUpToTheLimitAndThenCounted) {
  constexpr int kMost = UdpInspector::kCuriousDatagrams;
  for (int before : {kMost - 1, kMost, kMost + 1}) {
    Recorder sink;
    Teller teller(sink);
    PartialPool partials(4, 1 << 20);
    UdpInspector inspector(teller, partials);
    Flow flow{};
    flow.id = 1;
    flow.protocol = kProtocolUdp;
    flow.ports[0] = 5000;
    flow.ports[1] = 5001;
    Segment segment;
    segment.protocol = kProtocolUdp;
    const Buffer sound(40, 0x11);
    segment.payload = sound;
    for (int i = 0; i < before; ++i) inspector.OnDatagram(flow, 0, segment);
    const Buffer query = {0, 1, 1,   0, 0,   1,   0, 0, 0, 0, 0,
                          0, 1, 'a', 2, 'b', 'c', 0, 0, 1, 0, 1};
    segment.payload = query;
    inspector.OnDatagram(flow, 0, segment);
    EXPECT_EQ(sink.names.size(), before < kMost ? 1u : 0u) << before;
    EXPECT_EQ(teller.counters().unread_datagrams,
              static_cast<uint64_t>(std::max(0, before + 1 - kMost)))
        << before;
  }
}

// Either id of an Initial: beyond the limit it is no QUIC that is known.
TEST(UdpInspector, ConnectionIdsUpToTheLimitAndThenCounted) {
  constexpr size_t kMost = kMaxConnectionIdBytes;
  for (const bool source : {false, true}) {
    for (const size_t length : {kMost - 1, kMost, kMost + 1}) {
      Recorder sink;
      Teller teller(sink);
      PartialPool partials(4, 1 << 20);
      UdpInspector inspector(teller, partials);
      Flow flow{};
      flow.id = 1;
      flow.protocol = kProtocolUdp;
      flow.ports[1] = 443;
      Buffer initial = {0xc3, 0, 0, 0, 1};
      for (const bool of_source : {false, true}) {
        const size_t bytes = of_source == source ? length : 0;
        initial.push_back(static_cast<uint8_t>(bytes));
        initial.resize(initial.size() + bytes);
      }
      initial.insert(initial.end(), {0, 0x40, 100});  // no token, length
      initial.resize(initial.size() + 100);
      Segment segment;
      segment.protocol = kProtocolUdp;
      segment.payload = initial;
      inspector.OnDatagram(flow, 0, segment);
      EXPECT_EQ(teller.counters().long_ids, length <= kMost ? 0u : 1u)
          << source << ' ' << length;
    }
  }
}

TEST(UdpInspector, KeysAreTriedUpToTheLimitAndThenCounted) {
  Recorder sink;
  Teller teller(sink);
  PartialPool partials(4, 1 << 20);
  UdpInspector inspector(teller, partials);
  Flow flow{};
  flow.id = 1;
  flow.protocol = kProtocolUdp;
  flow.ports[1] = 443;
  Buffer initial = {0xc3, 0, 0, 0, 1, 8};
  initial.resize(14 + 2);                      // id, no source id, no token
  initial.insert(initial.end(), {0x40, 100});  // length
  initial.resize(initial.size() + 100);
  Segment segment;
  segment.protocol = kProtocolUdp;
  segment.payload = initial;
  for (uint32_t i = 0; i < UdpInspector::kMaxKeyTrials; ++i) {
    initial[6] = static_cast<uint8_t>(i);
    inspector.OnDatagram(flow, 0, segment);
  }
  EXPECT_EQ(teller.counters().untried_keys, 0u);
  initial[6] = 0xff;
  inspector.OnDatagram(flow, 0, segment);
  EXPECT_EQ(teller.counters().untried_keys, 1u);
}

}  // namespace
}  // namespace schoolgate::agent
