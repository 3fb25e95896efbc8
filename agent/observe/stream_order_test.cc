// Networks bring segments in any order, and clients and proxies cut and join
// them as they like: a name that was only found in one segment would be the
// easiest to hide.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "agent/observe/stream_for_tests.h"

namespace schoolgate::agent {
namespace {

using std::string_view_literals::operator""sv;

struct Front {
  std::string title;
  std::string_view bytes;
};

const Front kFronts[] = {
    {"Nothing", ""sv},
    {"ProxyLine", "PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n"sv},
    {"ProxyHeader",
     "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
     "abcdabcdabcd"sv},
    {"MySql",
     "\x20\0\0\1\x0f\xa2\x08\0\0\0\0\1\xff\0\0\0\0\0\0\0\0\0\0\0\0\0"
     "\0\0\0\0\0\0\0\0\0\0"sv},
    {"PostgreSqlTls", "\0\0\0\x08\x04\xd2\x16\x2f"sv},
    {"PostgreSqlBoth",
     "\0\0\0\x08\x04\xd2\x16\x30\0\0\0\x08\x04\xd2\x16\x2f"sv},
    {"Connect", "CONNECT a.example:443 HTTP/1.1\r\n\r\n"sv},
    {"Socks4", "\4\1\1\xbb\xc6\x33\x64\x09me\0"sv},
    {"Socks4Host", "\4\1\1\xbb\0\0\0\7me\0b.example\0"sv},
    {"Socks5",
     "\5\1\0\5\1\0\3\x09"
     "b.example\1\xbb"sv},
    {"Socks5User", "\5\2\0\2\1\2me\3key\5\1\0\1\xc6\x33\x64\x09\1\xbb"sv},
    {"RemoteDesktop", "\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"sv},
    {"Ldap",
     "\x30\x1d\2\1\1\x77\x18\x80\x16"
     "1.3.6.1.4.1.1466.20037"sv},
    {"Mail", "EHLO a\r\nSTARTTLS\r\n"sv},
    {"Imap", "a STARTTLS\r\n"sv},
    {"Xmpp", "<stream:stream to='x'><starttls/>"sv},
};

void PrintTo(const Front& front, std::ostream* out) { *out << front.title; }

class AnyFront : public testing::TestWithParam<Front> {};

// A hello's name is told by it, and once more by a request for the same host
// when that was read before.
void ExpectOnly(const Stream& stream, const std::string& name) {
  const std::vector<std::string>& names = stream.sink_.names;
  EXPECT_THAT(names, testing::Each(name));
  EXPECT_GE(names.size(), 1u);
  const size_t requests =
      stream.teller_.counters().names[static_cast<size_t>(NameSource::kHttp)];
  EXPECT_LE(requests, 1u);
  EXPECT_EQ(names.size(), 1 + requests);
}

// Sends the pieces between `cuts` in this order; the name must be there with
// the last, and not before.
void SendInOrder(const Buffer& all, std::vector<size_t> cuts,
                 const std::vector<size_t>& order) {
  Stream stream;
  cuts.insert(cuts.begin(), 0);
  cuts.push_back(all.size());
  const std::string wanted = "a.example";
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t begin = cuts[order[i]];
    const size_t end = cuts[order[i] + 1];
    stream.Send(static_cast<uint32_t>(1 + begin),
                Buffer(all.begin() + static_cast<long>(begin),
                       all.begin() + static_cast<long>(end)));
  }
  ExpectOnly(stream, wanted);
  EXPECT_FALSE(testing::Test::HasFailure())
      << testing::PrintToString(cuts) << testing::PrintToString(order);
  EXPECT_EQ(stream.partials_.live(), 0u);
  EXPECT_EQ(stream.teller_.counters().malformed, 0u);
}

TEST_P(AnyFront, AnyCutAndOrderTellsTheName) {
  const std::string_view front = GetParam().bytes;
  Buffer all(front.begin(), front.end());
  const Buffer hello = Hello();
  all.insert(all.end(), hello.begin(), hello.end());
  std::vector<size_t> order(4);
  for (size_t first = 1; first < front.size() + 13; ++first) {
    const size_t second = (front.size() + all.size()) / 2;
    const size_t third = all.size() - 5;
    if (first >= second) break;
    std::iota(order.begin(), order.end(), 0);
    do {
      SendInOrder(all, {first, second, third}, order);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_P(AnyFront, ByteByByteTellsTheName) {
  const std::string_view front = GetParam().bytes;
  Buffer all(front.begin(), front.end());
  const Buffer hello = Hello();
  all.insert(all.end(), hello.begin(), hello.end());
  Stream stream;
  for (size_t at = 0; at < all.size(); ++at) {
    stream.Send(static_cast<uint32_t>(1 + at), Buffer{all[at]});
  }
  ExpectOnly(stream, "a.example");
  EXPECT_EQ(stream.partials_.live(), 0u);
}

INSTANTIATE_TEST_SUITE_P(All, AnyFront, testing::ValuesIn(kFronts),
                         [](const auto& tested) { return tested.param.title; });

// As a fuzzer found it: pieces that overlap, of which the one in the middle
// comes first and the front is a piece of its own.
TEST(StreamOrder, AFrontThatComesLaterInPiecesThatOverlap) {
  Buffer all = {0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f};
  Buffer hello = Hello();
  all.insert(all.end(), hello.begin(), hello.end());
  Stream stream;
  const size_t pieces[][2] = {{50, 60}, {0, 8},   {54, 66},
                              {2, 41},  {64, 78}, {41, 55}};
  ASSERT_EQ(all.size(), 78u);
  for (const auto& [begin, end] : pieces) {
    EXPECT_TRUE(stream.sink_.names.empty());
    stream.Send(static_cast<uint32_t>(1 + begin),
                Buffer(all.begin() + static_cast<long>(begin),
                       all.begin() + static_cast<long>(end)));
  }
  EXPECT_EQ(stream.sink_.names, std::vector<std::string>{"a.example"});
}

// A capture may begin in the middle, with segments out of order, of which some
// look like what a client says to a proxy.
TEST(StreamOrder, AnyOrderWithoutTheHandshakeTellsTheName) {
  Buffer all = Hello();
  const Buffer greeting = {5, 1, 0, 7};
  std::copy(greeting.begin(), greeting.end(),
            all.begin() + static_cast<long>(all.size() / 5));
  std::vector<size_t> order = {0, 1, 2, 3, 4};
  do {
    Stream stream;
    stream.flow_ = {};
    stream.flow_.id = 1;
    stream.flow_.ports[1] = 443;
    for (const size_t piece : order) {
      const size_t begin = all.size() * piece / 5;
      const size_t end = all.size() * (piece + 1) / 5;
      stream.Send(static_cast<uint32_t>(1 + begin),
                  Buffer(all.begin() + static_cast<long>(begin),
                         all.begin() + static_cast<long>(end)));
    }
    EXPECT_EQ(stream.sink_.names, std::vector<std::string>{"a.example"})
        << testing::PrintToString(order);
  } while (std::next_permutation(order.begin(), order.end()));
}

// What never comes must not hide what did.
TEST(StreamOrder, AGapThatStaysIsGivenUp) {
  Stream stream;
  const Buffer hello = Hello();
  const Buffer half(hello.begin(), hello.begin() + 40);
  const Buffer rest(hello.begin() + 40, hello.end());
  uint32_t seq = 1000;
  for (uint32_t i = 0; i < TcpInspector::kMaxWaiting - 1; ++i) {
    stream.Send(seq, "nothing that begins anything"sv);
    seq += 28;
  }
  EXPECT_EQ(stream.partials_.live(), 1u);
  stream.Send(seq, "nor this"sv);
  seq += 8;
  EXPECT_EQ(stream.teller_.counters().oversized, 0u);
  stream.Send(seq, "nor that"sv);
  seq += 8;
  EXPECT_EQ(stream.teller_.counters().oversized, 1u);
  EXPECT_EQ(stream.partials_.live(), 0u);
  stream.Send(seq, half);
  stream.Send(seq + 40, rest);
  EXPECT_EQ(stream.sink_.names, std::vector<std::string>{"a.example"});
}

// A hello of which the first half waits is told when the second comes, though
// what stood in front of it was never seen.
TEST(StreamOrder, AHelloBehindAGapIsTold) {
  Stream stream;
  const Buffer hello = Hello();
  stream.Send(500, Buffer(hello.begin(), hello.begin() + 40));
  EXPECT_TRUE(stream.sink_.names.empty());
  stream.Send(540, Buffer(hello.begin() + 40, hello.end()));
  EXPECT_EQ(stream.sink_.names, std::vector<std::string>{"a.example"});
  stream.Send(1, std::string(499, 'x'));  // the gap: nothing more to tell
  EXPECT_EQ(stream.sink_.names.size(), 1u);
  EXPECT_EQ(stream.partials_.live(), 0u);
}

// Segments that no server takes must not push out what it does take.
TEST(StreamOrder, SegmentsFarAheadArePassedOverUpToTheLimit) {
  for (const uint32_t far :
       {TcpInspector::kMaxWaiting - 1, TcpInspector::kMaxWaiting,
        TcpInspector::kMaxWaiting + 1}) {
    Stream stream;
    const Buffer hello = Hello();
    stream.Send(1, Buffer(hello.begin(), hello.begin() + 40));
    for (uint32_t i = 0; i < far; ++i) stream.Send(100'000 + i, "far"sv);
    stream.Send(41, Buffer(hello.begin() + 40, hello.end()));
    const bool within = far <= TcpInspector::kMaxWaiting;
    EXPECT_EQ(stream.sink_.names.size(), within ? 1u : 0u) << far;
    EXPECT_EQ(stream.teller_.counters().oversized, within ? 0u : 1u) << far;
    EXPECT_EQ(stream.teller_.counters().unkept_segments,
              std::min(far, TcpInspector::kMaxWaiting));
  }
}

// Of a stream whose beginning nobody saw: what a proxy put in front of the
// hello comes backwards, and then the hello, each in fewer pieces than may
// wait.
TEST(StreamOrder, WhatWasPassedOverWaitsForNothing) {
  Stream stream;
  stream.flow_ = {};
  stream.flow_.id = 1;
  Buffer bytes = {'\r', '\n', '\r', '\n', 0,    '\r', '\n', 'Q',
                  'U',  'I',  'T',  '\n', 0x21, 0x11, 0,    24};
  bytes.resize(40);
  const Buffer hello = Hello();
  bytes.insert(bytes.end(), hello.begin(), hello.end());
  const auto backwards = [&](size_t begin, size_t end, size_t piece) {
    for (size_t at = end; at > begin;) {
      const size_t from = at - std::min(piece, at - begin);
      stream.Send(static_cast<uint32_t>(1 + from),
                  Buffer(bytes.begin() + static_cast<long>(from),
                         bytes.begin() + static_cast<long>(at)));
      at = from;
    }
  };
  backwards(0, 40, 4);
  backwards(40, bytes.size(), hello.size() / 10 + 1);
  EXPECT_EQ(stream.sink_.names, std::vector<std::string>{"a.example"});
  EXPECT_EQ(stream.teller_.counters().oversized, 0u);
  EXPECT_EQ(stream.partials_.live(), 0u);
}

// Places where something begins are followed up to the limit.
TEST(StreamOrder, BeginningsUpToTheLimitAndThenCounted) {
  constexpr uint32_t kMost = Partial::kMaxReadings;
  for (const uint32_t beginnings : {kMost - 1, kMost, kMost + 1}) {
    Stream stream;
    const Buffer hello = Hello();
    uint32_t seq = 1000;
    // Their first halves, with a gap between each two.
    for (uint32_t i = 0; i < beginnings; ++i) {
      stream.Send(seq, Buffer(hello.begin(), hello.begin() + 40));
      seq += 100;
    }
    EXPECT_EQ(stream.teller_.counters().oversized, beginnings > kMost ? 1u : 0u)
        << beginnings;
    stream.Send(1040, Buffer(hello.begin() + 40, hello.end()));
    EXPECT_EQ(stream.sink_.names.size(), 1u);
  }
}

// A question for "<first>.test" behind its length.
Buffer Query(uint8_t first) {
  return {0, 24, 0,     1, 1,   0,   0,   1,   0, 0, 0, 0, 0,
          0, 1,  first, 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};
}

TEST(StreamOrder, DnsOnAnyPortInPieces) {
  const Buffer query = Query('a');
  for (size_t cut = 1; cut < query.size(); ++cut) {
    const Buffer first(query.begin(), query.begin() + static_cast<long>(cut));
    const Buffer second(query.begin() + static_cast<long>(cut), query.end());
    for (const bool reversed : {false, true}) {
      Stream stream;
      stream.flow_.ports[1] = 5300;
      if (!reversed) stream.Send(1, first);
      stream.Send(static_cast<uint32_t>(1 + cut), second);
      if (reversed) stream.Send(1, first);
      EXPECT_EQ(stream.sink_.names, std::vector<std::string>{"a.test"}) << cut;
      EXPECT_EQ(stream.partials_.live(), 0u);
      stream.Send(static_cast<uint32_t>(1 + query.size()), query);
      EXPECT_EQ(stream.sink_.names.size(), 2u);
    }
  }
}

// A piece from the middle of a hello whose random bytes are a question.
TEST(StreamOrder, QuestionInTheMiddleOfAHelloHidesNoHello) {
  constexpr long kRandomAt = 11;
  const Buffer query = Query('a');
  Buffer hello = Hello();
  std::copy(query.begin(), query.end(), hello.begin() + kRandomAt);
  const long end = kRandomAt + static_cast<long>(query.size());
  Stream stream;
  stream.flow_ = {};
  stream.flow_.id = 1;
  stream.flow_.ports[1] = 8443;
  stream.Send(1 + kRandomAt,
              Buffer(hello.begin() + kRandomAt, hello.begin() + end));
  stream.Send(static_cast<uint32_t>(1 + end),
              Buffer(hello.begin() + end, hello.end()));
  EXPECT_THAT(stream.sink_.names, testing::ElementsAre("a.test"));
  stream.Send(1, Buffer(hello.begin(), hello.begin() + kRandomAt));
  EXPECT_THAT(stream.sink_.names, testing::ElementsAre("a.test", "a.example"));
  EXPECT_EQ(stream.partials_.live(), 0u);
}

// Whether or not something in front of them is waited for.
TEST(StreamOrder, QuestionsOnAnyPortOnceEachWithoutABeginning) {
  Stream stream;
  stream.flow_ = {};
  stream.flow_.id = 1;
  stream.flow_.ports[1] = 5300;
  uint32_t seq = 7000;
  size_t count = 0;
  for (; count < 3 * TcpInspector::kMaxWaiting; ++count) {
    const Buffer query = Query(static_cast<uint8_t>('!' + count));
    stream.Send(seq, query);
    stream.Send(seq, query);  // sent again
    EXPECT_EQ(stream.sink_.names.size(), count + 1);
    seq += static_cast<uint32_t>(query.size());
  }
  EXPECT_EQ(stream.partials_.live(), 0u);
}

}  // namespace
}  // namespace schoolgate::agent
