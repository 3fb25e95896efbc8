// What a client could say so that its server reads it and we do not: each is
// read as the server does, or doubted, so that the gate refuses it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/observe/client_hello.h"
#include "agent/observe/stream_for_tests.h"
#include "agent/observe/tcp_dns.h"

namespace schoolgate::agent {
namespace {

using Names = std::vector<std::string>;

Buffer EmptyRecords(int count) {
  Buffer records;
  for (int i = 0; i < count; ++i) {
    records.insert(records.end(), {22, 3, 1, 0, 0});
  }
  return records;
}

Buffer operator+(Buffer left, const Buffer& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Buffer Question(char name) {
  return {0, 19, 0, 1, 1, 0, 0, 1,
          0, 0,  0, 0, 0, 0, 1, static_cast<uint8_t>(name),
          0, 0,  1, 0, 1};
}

struct DnsStream : Stream {
  DnsStream() { flow_.ports[1] = 53; }
};

TEST(HostileHello, EmptyRecordsArePassedUpToTheLimitAndThenDoubted) {
  for (int count :
       {kMaxEmptyRecords - 1, kMaxEmptyRecords, kMaxEmptyRecords + 1}) {
    Stream stream;
    stream.Send(1, EmptyRecords(count) + Hello());
    const bool within = count <= kMaxEmptyRecords;
    EXPECT_EQ(stream.sink_.names.size(), within ? 1u : 0u) << count;
    EXPECT_EQ(stream.teller_.doubtful(), !within) << count;
    EXPECT_EQ(stream.teller_.counters().oversized, within ? 0u : 1u) << count;
  }
}

TEST(HostileHello, AVersionToComeIsOneByItsExtensionAlone) {
  Buffer hello = Hello();
  hello[9] = 4;  // legacy_version 0x0403
  Stream without;
  without.Send(1, hello);
  EXPECT_EQ(without.sink_.names, Names{});
  EXPECT_TRUE(without.teller_.doubtful());  // whole, and not read
  const Buffer versions = {0, 43, 0, 3, 2, 3, 4};
  hello = hello + versions;
  hello[4] += 7;
  hello[8] += 7;
  hello[51] += 7;  // of all extensions
  Stream with;
  with.Send(1, hello);
  EXPECT_EQ(with.sink_.names, Names{"a.example"});
  EXPECT_FALSE(with.teller_.doubtful());
}

TEST(HostileHello, NamesUpToTheLimitAreToldAndMoreAreDoubted) {
  constexpr size_t kMost = ClientHello::kMaxNames;
  for (size_t count : {kMost - 1, kMost, kMost + 1}) {
    Buffer body(34);
    body[0] = body[1] = 3;
    Buffer list;
    for (size_t i = 0; i < count; ++i) {
      list = list + Buffer{0, 0, 1, static_cast<uint8_t>('a' + i)};
    }
    const auto size = static_cast<uint8_t>(list.size());
    body = body +
           Buffer{0,
                  0,
                  2,
                  19,
                  1,
                  1,
                  0,
                  0,
                  static_cast<uint8_t>(size + 6),
                  0,
                  0,
                  0,
                  static_cast<uint8_t>(size + 2),
                  0,
                  size} +
           list;
    ClientHello hello;
    ASSERT_TRUE(ParseClientHello(body, /*datagram=*/false, &hello));
    Recorder sink;
    Teller teller(sink);
    Flow flow{};
    for (int i = 0; i < 2; ++i) {
      teller.Hello(NameSource::kTls, flow, 0, hello);
    }
    EXPECT_EQ(sink.names.size(), std::min(count, kMost));
    EXPECT_EQ(teller.doubtful(), count > kMost);
    EXPECT_EQ(teller.counters().oversized, count > kMost ? 2u : 0u);
  }
}

TEST(HostileHello, OneThatACrowdPushedOutIsDoubted) {
  Stream stream;
  const Buffer hello = Hello();
  const Buffer front(hello.begin(), hello.begin() + 30);
  const Buffer rest(hello.begin() + 30, hello.end());
  stream.Send(1, front);
  std::vector<Flow> crowd(20);
  for (size_t i = 0; i < crowd.size(); ++i) {
    crowd[i].id = 100 + i;
    stream.partials_.Make(crowd[i], 0);
  }
  EXPECT_FALSE(stream.teller_.doubtful());
  stream.Send(31, rest);
  EXPECT_TRUE(stream.teller_.doubtful());
}

// A host whose name has the 32 bits of another's in FNV, which anybody can
// make.
TEST(HostileRequest, AnotherHostIsToldWhateverItsNameIsMadeOf) {
  Stream stream;
  stream.Send(1, "GET / HTTP/1.1\r\nHost: fine.xbqimp8m\r\n\r\n");
  stream.Send(40, "GET / HTTP/1.1\r\nHost: blocked.example.org\r\n\r\n");
  EXPECT_EQ(stream.sink_.names,
            (Names{"fine.xbqimp8m", "blocked.example.org"}));
}

// What people and programs say that is no request must never be refused for
// that, however long it is.
TEST(HostileRequest, TextWithoutLinesIsNoRequest) {
  for (const char* text : {"X", "HELLO WORLD ", "NICK anna ", "\r\n"}) {
    Stream stream;
    uint32_t seq = 1;
    std::string all;
    while (all.size() < 1000) all += text;
    for (int i = 0; i < 70; ++i, seq += static_cast<uint32_t>(all.size())) {
      stream.Send(seq, all);
      EXPECT_FALSE(stream.teller_.doubtful()) << text << i;
    }
    EXPECT_EQ(stream.partials_.live(), 0u) << text;
  }
}

TEST(HostileHello, NamesThatComeTwiceInOneAreToldOnceHoweverOftenItComes) {
  Recorder sink;
  Teller teller(sink);
  const Buffer a = {'a'}, b = {'b'};
  ClientHello hello;
  for (const Bytes name : {Bytes(a), Bytes(b), Bytes(a)}) {
    hello.names[hello.name_count++] = name;
  }
  Flow flow{};
  for (int i = 0; i < 3; ++i) teller.Hello(NameSource::kTls, flow, 0, hello);
  EXPECT_EQ(sink.names, (Names{"a", "b", "a"}));
}

TEST(HostileDns, ShortMessagesArePassedUpToTheLimitAndThenDoubted) {
  for (int count :
       {TcpDns::kMaxShort - 1, TcpDns::kMaxShort, TcpDns::kMaxShort + 1}) {
    DnsStream stream;
    Buffer bytes(static_cast<size_t>(2 * count));
    stream.Send(1, bytes + Question('a'));
    const bool within = count <= TcpDns::kMaxShort;
    EXPECT_EQ(stream.sink_.names.size(), within ? 1u : 0u) << count;
    EXPECT_EQ(stream.teller_.doubtful(), !within) << count;
    EXPECT_EQ(stream.teller_.counters().malformed, within ? 0u : 1u) << count;
  }
}

// Whoever leaves a gap could ask in it later.
TEST(HostileDns, AGapIsWaitedForUpToTheLimitAndThenDoubted) {
  DnsStream stream;
  stream.Send(1, Question('a'));
  uint32_t seq = 43;  // behind a gap of 21
  for (uint32_t i = 0; i < TcpDns::kMaxBehindGap; ++i, seq += 21) {
    stream.Send(seq, Question('b'));
  }
  EXPECT_EQ(stream.sink_.names, Names{"a"});
  EXPECT_FALSE(stream.teller_.doubtful());
  stream.Send(seq, Question('b'));
  EXPECT_EQ(stream.sink_.names.size(), 2u + TcpDns::kMaxBehindGap);
  EXPECT_TRUE(stream.teller_.doubtful());
}

TEST(HostileDns, OneThatACrowdPushedOutIsDoubted) {
  DnsStream stream;
  const Buffer question = Question('a');
  stream.Send(1, Buffer(question.begin(), question.begin() + 10));
  std::vector<Flow> crowd(20);
  for (size_t i = 0; i < crowd.size(); ++i) {
    crowd[i].id = 100 + i;
    stream.partials_.Make(crowd[i], 0);
  }
  EXPECT_FALSE(stream.teller_.doubtful());
  stream.Send(11, Buffer(question.begin() + 10, question.end()));
  EXPECT_TRUE(stream.teller_.doubtful());
}

}  // namespace
}  // namespace schoolgate::agent
