// A limit that is off by one would lose honest names or let hostile ones in.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "agent/observe/client_hello.h"
#include "agent/observe/dns_message.h"
#include "agent/observe/http_request.h"
#include "agent/observe/name_text.h"
#include "agent/observe/quic_initial.h"
#include "agent/observe/stream_front.h"

namespace schoolgate::agent {
namespace {

using Buffer = std::vector<uint8_t>;

// Each byte in each place of a label: a name would be told wrongly.
TEST(NameText, WritesEachByteInEachPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t place = 0; place < 18; ++place) {
      Buffer label(18, 'Q');
      label[place] = static_cast<uint8_t>(byte);
      std::string want(place, 'q');
      char escaped[8];
      if (byte <= ' ' || byte >= 0x7f) {
        std::snprintf(escaped, sizeof escaped, "\\%03d", byte);
        want += escaped;
      } else if (byte >= 'A' && byte <= 'Z') {
        want.push_back(static_cast<char>(byte - 'A' + 'a'));
      } else {
        want.push_back(static_cast<char>(byte));
      }
      want.append(label.size() - place - 1, 'q');
      NameText text;
      text.AddLabel(label);
      ASSERT_EQ(text.view(), want) << byte << " at " << place;
      // The fast way, with bytes of any kind behind it, or none.
      for (const size_t behind : {0, 1, 5, 6, 9}) {
        for (const uint8_t kind : {0x00, 0x51, 0xff}) {
          Buffer longer = label;
          longer.resize(label.size() + behind, kind);
          text.Clear();
          text.AddAsItIs(longer, label.size());
          text.AddAsItIs(longer, 1);
          const bool plain = byte > ' ' && byte < 0x7f;
          ASSERT_EQ(text.Settle(), plain) << byte << " at " << place;
          if (!plain) continue;
          ASSERT_EQ(text.view(), want + '.' + want[0])
              << byte << " at " << place;
        }
      }
    }
  }
}

Buffer QueryFor(size_t labels, size_t label_bytes) {
  Buffer query = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  for (size_t i = 0; i < labels; ++i) {
    query.push_back(static_cast<uint8_t>(label_bytes));
    query.insert(query.end(), label_bytes, 'a');
  }
  query.insert(query.end(), {0, 0, 1, 0, 1});
  return query;
}

TEST(DnsMessage, NamesUpTo255BytesAndNoLonger) {
  DnsQuestion question;
  const Buffer below = QueryFor(127, 1);  // 254
  EXPECT_TRUE(DnsMessage(below).NextQuestion(&question));
  EXPECT_EQ(question.name.view().size(), 253u);
  const Buffer at = QueryFor(15, 16);  // 255
  EXPECT_TRUE(DnsMessage(at).NextQuestion(&question));
  const Buffer above = QueryFor(4, 63);  // 256
  DnsMessage message(above);
  EXPECT_FALSE(message.NextQuestion(&question));
  EXPECT_TRUE(message.malformed());
}

// A chain of `jumps` pointers, each to the one before, the first to a root.
Buffer Chain(int jumps) {
  Buffer query = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  const auto point_to = [&query](int at) {
    query.push_back(static_cast<uint8_t>(0xc0 | at >> 8));
    query.push_back(static_cast<uint8_t>(at));
  };
  point_to(18 + 2 * (jumps - 2));
  query.insert(query.end(), {0, 1, 0, 1});
  for (int i = 0; i < jumps - 1; ++i) {
    point_to(i == 0 ? 4 : 18 + 2 * (i - 1));
  }
  return query;
}

TEST(DnsMessage, JumpsUpToTheLimitAndNoFurther) {
  DnsQuestion question;
  for (int jumps : {126, 127, 128}) {
    const Buffer query = Chain(jumps);
    EXPECT_EQ(DnsMessage(query).NextQuestion(&question),
              jumps <= DnsMessage::kMaxJumps)
        << jumps;
  }
}

TEST(DnsMessage, EntriesUpToTheLimitAndNoFurther) {
  for (int count : {511, 512, 513}) {
    Buffer query = {0,
                    1,
                    1,
                    0,
                    static_cast<uint8_t>(count >> 8),
                    static_cast<uint8_t>(count),
                    0,
                    0,
                    0,
                    0,
                    0,
                    0};
    for (int i = 0; i < count; ++i) {
      query.insert(query.end(), {1, 'x', 0, 0, 1, 0, 1});
    }
    DnsMessage message(query);
    DnsQuestion question;
    int seen = 0;
    while (message.NextQuestion(&question)) ++seen;
    EXPECT_EQ(seen, count <= DnsMessage::kMaxEntries ? count : 0);
  }
}

TEST(DnsMessage, BytesThatCannotBePrintedAreEscaped) {
  Buffer query = {0, 1,   1,   0,   0,    1,    0, 0, 0,  0, 0, 0,
                  5, 'A', ' ', '.', '\\', 0xff, 0, 0, 65, 0, 1};
  DnsQuestion question;
  ASSERT_TRUE(DnsMessage(query).NextQuestion(&question));
  EXPECT_EQ(question.name.view(), "a\\032.\\\\255");
  std::array<char, 12> room;
  EXPECT_EQ(DnsTypeName(question.type, &room), "HTTPS");
  EXPECT_EQ(DnsTypeName(65280, &room), "TYPE65280");
}

Buffer HelloOf(size_t message_bytes) {
  Buffer body = {3, 3};
  body.insert(body.end(), 32, 7);
  body.insert(body.end(), {0, 0, 2, 0x13, 1, 1, 0});
  const size_t extensions = message_bytes - body.size() - 2;
  body.push_back(static_cast<uint8_t>(extensions >> 8));
  body.push_back(static_cast<uint8_t>(extensions));
  body.insert(body.end(), {0, 21});
  body.push_back(static_cast<uint8_t>((extensions - 4) >> 8));
  body.push_back(static_cast<uint8_t>(extensions - 4));
  body.resize(message_bytes);
  Buffer records;
  Buffer message = {1, static_cast<uint8_t>(message_bytes >> 16),
                    static_cast<uint8_t>(message_bytes >> 8),
                    static_cast<uint8_t>(message_bytes)};
  message.insert(message.end(), body.begin(), body.end());
  for (size_t at = 0; at < message.size(); at += 16384) {
    const size_t part = std::min<size_t>(16384, message.size() - at);
    records.insert(records.end(), {22, 3, 1, static_cast<uint8_t>(part >> 8),
                                   static_cast<uint8_t>(part)});
    records.insert(records.end(), message.begin() + static_cast<long>(at),
                   message.begin() + static_cast<long>(at + part));
  }
  return records;
}

TEST(ClientHello, HellosUpToTheLimitAndNoLonger) {
  std::vector<uint8_t> scratch;
  ClientHello hello;
  for (size_t bytes : {size_t{200}, kMaxHelloBytes - 1, kMaxHelloBytes}) {
    EXPECT_EQ(FindClientHello(HelloOf(bytes), &scratch, &hello).result,
              Search::kFound)
        << bytes;
  }
  EXPECT_EQ(
      FindClientHello(HelloOf(kMaxHelloBytes + 1), &scratch, &hello).result,
      Search::kNot);
}

TEST(ClientHello, EachPrefixAsksForMoreAndSaysHowMuch) {
  const Buffer records = HelloOf(40000);
  std::vector<uint8_t> scratch;
  ClientHello hello;
  size_t have = 1;
  int asked = 0;
  while (have < records.size()) {
    const auto search =
        FindClientHello(Bytes(records).first(have), &scratch, &hello);
    ASSERT_EQ(search.result, Search::kNeedMore) << have;
    ASSERT_GT(search.need, have);
    have = search.need;
    ++asked;
  }
  EXPECT_LE(asked, 10);
  EXPECT_EQ(FindClientHello(records, &scratch, &hello).result, Search::kFound);
}

TEST(HttpRequest, HeadsUpToTheLimitAndNoLonger) {
  const std::string line = "GET / HTTP/1.1\r\n";
  const std::string host = "Host: a.example\r\n";
  for (size_t bytes :
       {kMaxRequestHead - 1, kMaxRequestHead, kMaxRequestHead + 1}) {
    const std::string field =
        "X: " + std::string(bytes - line.size() - host.size() - 5, 'x') +
        "\r\n";
    const bool fits = bytes <= kMaxRequestHead;
    const std::string late = line + field + host + "\r\n";
    HttpRequest request;
    EXPECT_EQ(ReadHttpRequest(AsBytes(late), &request),
              fits ? HttpResult::kFound : HttpResult::kNot);
    EXPECT_EQ(request.beyond, !fits);
    // Of a head that names its host in time the rest does not matter.
    const std::string early = line + host + field + field;
    EXPECT_EQ(ReadHttpRequest(AsBytes(early), &request), HttpResult::kFound);
    EXPECT_EQ(AsText(request.host), "a.example");
    EXPECT_EQ(request.used, kMaxRequestHead);
  }
}

TEST(StreamFront, ProxyLinesUpToTheLimitAndNoLonger) {
  for (size_t bytes : {106, 107, 108}) {
    std::string line = "PROXY ";
    line.append(bytes - line.size() - 2, 'x').append("\r\n");
    EXPECT_EQ(ReadStreamFront(AsBytes(line)).used, bytes <= 107 ? bytes : 0);
    for (size_t part = 1; part < std::min<size_t>(bytes, 107); ++part) {
      const auto front = ReadStreamFront(AsBytes(line).first(part));
      EXPECT_EQ(front.used, 0u);
      EXPECT_EQ(front.need, part + 1) << part;
    }
  }
  EXPECT_EQ(ReadStreamFront(AsBytes("GET / HTTP/1.1")).need, 0u);
}

TEST(StreamFront, TextUpToTheLimitAndNoLonger) {
  for (size_t bytes : {kMaxTextFront - 1, kMaxTextFront, kMaxTextFront + 1}) {
    std::string text = "EHLO a\r\n";
    text.append(bytes - text.size() - 2, 'x').append("\r\n\x16\3\1");
    const TextFront front = TextBeforeHello(AsBytes(text));
    EXPECT_EQ(front.used, bytes <= kMaxTextFront ? bytes : 0u);
    EXPECT_EQ(front.beyond, bytes > kMaxTextFront);
  }
  EXPECT_EQ(TextBeforeHello(AsBytes("a STARTTLS\r\n")).used, 0u);
  EXPECT_EQ(TextBeforeHello(AsBytes("<starttls/>\x16")).used, 11u);
  EXPECT_EQ(TextBeforeHello(AsBytes("a picture\x16\3\1")).used, 0u);
  EXPECT_EQ(TextBeforeHello(AsBytes("a picture\n\x16\7\1")).used, 0u);
}

TEST(HttpRequest, SaysWhomTheRequestIsFor) {
  HttpRequest request;
  const auto host = [&](std::string_view head) {
    EXPECT_EQ(ReadHttpRequest(AsBytes(head), &request), HttpResult::kFound);
    return AsText(request.host);
  };
  EXPECT_EQ(host("GET / HTTP/1.1\r\nHOST:\ta.example:80 \r\n\r\n"),
            "a.example");
  EXPECT_EQ(host("GET http://b.example:8/x HTTP/1.1\r\nHost: a\r\n\r\n"),
            "b.example");
  EXPECT_EQ(host("CONNECT [::1]:443 HTTP/1.1\n\n"), "::1");
  EXPECT_EQ(host("GET / HTTP/1.0\r\n\r\n"), "");
  EXPECT_EQ(ReadHttpRequest(AsBytes("GET me a beer\r\n\r\n"), &request),
            HttpResult::kNot);
}

// RFC 9001, appendix A.1: the client's keys for this connection id.
TEST(QuicOpener, DerivesTheKeysOfTheRfc) {
  const uint8_t id[] = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};
  QuicOpener opener;
  const QuicKeys keys = opener.ClientKeys(*ProfilesFor(1)[0], id);
  const std::array<uint8_t, 16> key = {0x1f, 0x36, 0x96, 0x13, 0xdd, 0x76,
                                       0xd5, 0x46, 0x77, 0x30, 0xef, 0xcb,
                                       0xe3, 0xb1, 0xa2, 0x2d};
  EXPECT_EQ(keys.key, key);
  // RFC 9369, appendix A.1.
  const QuicKeys second = opener.ClientKeys(*ProfilesFor(0x6b3343cf)[0], id);
  const std::array<uint8_t, 16> key2 = {0x8b, 0x1a, 0x0b, 0xc1, 0x21, 0x28,
                                        0x42, 0x90, 0xa2, 0x9e, 0x09, 0x71,
                                        0xb5, 0xcd, 0x04, 0x5d};
  EXPECT_EQ(second.key, key2);
}

TEST(QuicPacket, ConnectionIdsUpTo20BytesAndNoLonger) {
  for (uint8_t length : {19, 20, 21}) {
    Buffer packet = {0xc3, 0, 0, 0, 1, length};
    packet.resize(packet.size() + length);
    packet.insert(packet.end(), {0, 0, 0x40, 30});
    packet.resize(packet.size() + 30);
    QuicPacket read;
    EXPECT_EQ(ReadQuicPacket(packet, &read), length <= kMaxConnectionIdBytes);
  }
}

std::string SentTo(std::string_view answer) {
  return std::string(AsText(RedirectHost(AsBytes(answer))));
}

// Otherwise a hotspot's page would not be found, or another host be taken for
// it.
TEST(HttpRedirect, NamesTheHostItSendsTo) {
  EXPECT_EQ(
      SentTo(
          "HTTP/1.1 302 Found\r\nA: b\r\nlocation:\thttp://a.example\r\n\r\n"),
      "a.example");
  EXPECT_EQ(
      SentTo("HTTP/1.0 307 x\nLocation: HTTPS://u:p@A.example:8443/q\n\n"),
      "A.example");
  EXPECT_EQ(SentTo("HTTP/1.1 301 \r\nLocation: //a.example?x@b\r\n\r\n"),
            "a.example");
  EXPECT_EQ(SentTo("HTTP/1.1 303 \r\nLocation: http://[fd00::1]:80/\r\n\r\n"),
            "fd00::1");
  for (const char* none :
       {"", "HTTP/1.1 3",
        "HTTP/1.1 200 OK\r\nLocation: http://a.example/\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /here\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://cut.exam",
        "HTTP/1.1 302 Found\r\n\r\nLocation: http://body.example/\r\n",
        "HTTP/1.1 302 Found\r\nLocation:\r\n\r\n"}) {
    EXPECT_EQ(SentTo(none), "") << none;
  }
}

}  // namespace
}  // namespace schoolgate::agent
