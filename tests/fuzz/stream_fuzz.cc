// Streams with a ClientHello, DNS messages or HTTP in them, behind whatever may
// stand in front, cut into segments that come in any order, twice, overlapping.
// However it is cut, as soon as all bytes are there all is told that the uncut
// stream tells; and nothing else, but for what a segment tells by itself.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "agent/observe/tcp_inspector.h"
#include "platform/check.h"
#include "tests/fuzz/choices.h"

using namespace schoolgate;
using namespace schoolgate::agent;
using traffic::operator+;

namespace {

constexpr size_t kMaxPieces = 11;  // fewer than an inspector keeps waiting
constexpr size_t kMaxStream = 30'000;

class Collect : public ObservationSink {
 public:
  void OnName(const Observation& seen) override {
    SG_CHECK(!seen.name.empty());
    for (char c : seen.name) SG_CHECK(c > ' ' && c < 0x7f);
    names.emplace(seen.name);
  }
  std::set<std::string> names;
};

struct Piece {
  size_t begin;
  size_t end;
};

struct World {
  Collect sink;
  Teller teller{sink};
  PartialPool partials{4, 1 << 20};
  TcpInspector inspector{teller, partials};
  uint32_t flows = 0;
};

// Which bytes of a stream have come.
class Coverage {
 public:
  explicit Coverage(size_t size) : come_(size) {}
  bool Add(const Piece& piece) {
    for (size_t at = piece.begin; at < piece.end; ++at) {
      count_ += !come_[at];
      come_[at] = true;
    }
    return count_ == come_.size();
  }

 private:
  std::vector<bool> come_;
  size_t count_ = 0;
};

// A stream, or the part of one from a piece on, of which the beginning was not
// seen.
struct Stream {
  Bytes bytes;
  uint16_t port = 443;
  bool syn = true;
};

std::set<std::string> Deliver(World& world, const Stream& stream,
                              const std::vector<Piece>& pieces) {
  world.sink.names.clear();
  agent::Flow flow{};
  flow.id = ++world.flows;
  flow.protocol = kProtocolTcp;
  flow.ports[0] = 50000;
  flow.ports[1] = stream.port;
  Segment segment;
  segment.protocol = kProtocolTcp;
  segment.src_port = 50000;
  segment.dst_port = stream.port;
  segment.tcp_flags = kTcpSyn;
  segment.tcp_seq = 0xfffff000;  // wraps around on the way
  if (stream.syn) world.inspector.OnSegment(flow, 0, segment);
  segment.tcp_flags = kTcpAck;
  Coverage coverage(stream.bytes.size());
  for (const Piece& piece : pieces) {
    segment.tcp_seq = 0xfffff001 + static_cast<uint32_t>(piece.begin);
    segment.payload =
        stream.bytes.subspan(piece.begin, piece.end - piece.begin);
    segment.payload_bytes = static_cast<uint32_t>(segment.payload.size());
    world.inspector.OnSegment(flow, 0, segment);
    if (coverage.Add(piece)) break;
  }
  world.partials.Release(flow, 0);
  SG_CHECK(world.partials.live() == 0 && world.partials.held_bytes() == 0);
  return world.sink.names;
}

// A word to a SOCKS proxy.
traffic::Buffer SocksWord(fuzz::Choices& choices) {
  traffic::Writer word;
  switch (choices.Below(4)) {
    case 0:
      return word.U8(5).U8(1).U8(0).bytes();
    case 1: {
      const size_t user = choices.Below(20);
      return word.U24(0x050202)
          .U8(0)
          .U8(1)
          .U8(static_cast<unsigned>(user))
          .Zeros(user)
          .U8(3)
          .Put("key")
          .bytes();
    }
    case 2:
      return word.U32(0x05010003).U8(9).Put("a.example").U16(443).bytes();
    default:
      return word.U32(0x040101bb)
          .U32(9)
          .Put("me")
          .U8(0)
          .Put("b.example")
          .U8(0)
          .bytes();
  }
}

// What may stand in front of a hello, or of something else in front of it.
traffic::Buffer Front(fuzz::Choices& choices) {
  static constexpr std::string_view kLines[] = {
      "PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n",
      "CONNECT a.example:443 HTTP/1.1\r\n\r\n",
      "EHLO a\r\nSTARTTLS\r\n",
      "a STARTTLS\r\n",
      "AUTH TLS\r\n",
      "<stream:stream to='x'><starttls/>"};
  traffic::Writer front;
  switch (choices.Below(12)) {
    case 0:
      return front.Put(std::string_view("\r\n\r\n\0\r\nQUIT\n", 12))
          .U16(0x2111)
          .U16(12)
          .Zeros(12)
          .bytes();
    case 1:
      return front.U32(0x20000001).Zeros(32).bytes();
    case 2:
      return front.U32(8)
          .U32(choices.Byte() & 1 ? 0x04d2162f : 0x04d21630)
          .bytes();
    case 3:
      return front.U32(0x03000013).U32(0x0ee00000).Zeros(11).bytes();
    case 4:
      return front.U32(0x301d0201)
          .U32(0x01771880)
          .U8(0x16)
          .Put("1.3.6.1.4.1.1466.20037")
          .bytes();
    case 5:
      return SocksWord(choices) + SocksWord(choices);
    case 6:
      return SocksWord(choices);
    default:
      return front.Put(kLines[choices.Below(std::size(kLines))]).bytes();
  }
}

traffic::Buffer MakeDns(fuzz::Choices& choices) {
  traffic::Writer stream;
  for (size_t i = 1 + choices.Below(4); i > 0; --i) {
    std::string name;
    for (size_t labels = choices.Below(4); labels > 0; --labels) {
      name += "label." + std::to_string(choices.Byte()) + ".";
    }
    stream.Put(traffic::WithLength(traffic::DnsQuery(name + "x", 1)));
  }
  return stream.bytes();
}

traffic::Buffer MakeHttp(fuzz::Choices& choices) {
  traffic::Writer stream;
  for (size_t i = 1 + choices.Below(4); i > 0; --i) {
    if (choices.Byte() & 1) stream.Put("\r\n");
    stream.Put("GET / HTTP/1.1\r\nHost: ")
        .Put(std::to_string(choices.Byte()))
        .Put(".example\r\nX: ")
        .Put(traffic::Buffer(choices.Below(300), 'x'))
        .Put("\r\n\r\n");
  }
  return stream.bytes();
}

// A hello alone may be seen without the handshake in front of it.
traffic::Buffer MakeHelloAlone(fuzz::Choices& choices) {
  const traffic::Buffer hello = fuzz::MakeHello(choices);
  return traffic::TlsRecords(hello, 1 + choices.Below(16384));
}

traffic::Buffer MakeStream(fuzz::Choices& choices, uint16_t* port) {
  const size_t kind = choices.Below(8);
  if (kind == 0) {
    *port = 53;
    return MakeDns(choices);
  }
  if (kind == 1) return MakeDns(choices);
  if (kind == 2) return MakeHttp(choices);
  const traffic::Buffer hello = fuzz::MakeHello(choices);
  const size_t record = 1 + choices.Below(choices.Byte() & 1 ? 16384 : 64);
  traffic::Buffer front;
  for (size_t i = choices.Below(3); i > 0; --i) front = front + Front(choices);
  return front + traffic::TlsRecords(hello, record);
}

std::vector<Piece> Cut(fuzz::Choices& choices, size_t size) {
  std::vector<size_t> cuts = {0, size};
  for (size_t i = choices.Below(kMaxPieces - 1); i > 0; --i) {
    cuts.push_back(choices.Below(size));
  }
  std::sort(cuts.begin(), cuts.end());
  std::vector<Piece> pieces;
  for (size_t i = 1; i < cuts.size(); ++i) {
    if (cuts[i] == cuts[i - 1]) continue;
    const size_t more = choices.Below(20);  // overlaps what follows
    pieces.push_back({cuts[i - 1], std::min(size, cuts[i] + more)});
  }
  for (size_t i = pieces.size(); i > 1; --i) {
    std::swap(pieces[i - 1], pieces[choices.Below(i)]);
  }
  if (choices.Byte() & 1) pieces.push_back(pieces[0]);
  return pieces;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static World world;
  fuzz::Choices choices(Bytes(bytes, size));
  Stream stream;
  stream.syn = choices.Below(8) != 0;
  const traffic::Buffer all =
      stream.syn ? MakeStream(choices, &stream.port) : MakeHelloAlone(choices);
  if (all.empty() || all.size() > kMaxStream) return 0;
  stream.bytes = all;
  const auto uncut = Deliver(world, stream, {{0, all.size()}});
  const auto pieces = Cut(choices, all.size());
  const auto cut = Deliver(world, stream, pieces);
  SG_CHECK(std::includes(cut.begin(), cut.end(), uncut.begin(), uncut.end()));
  if (cut.size() == uncut.size()) return 0;
  std::set<std::string> by_itself = uncut;
  stream.syn = false;
  for (const Piece& piece : pieces) {
    for (const size_t from : {piece.begin, piece.end}) {
      stream.bytes = Bytes(all).subspan(from);
      if (stream.bytes.empty()) continue;
      by_itself.merge(Deliver(world, stream, {{0, stream.bytes.size()}}));
    }
  }
  SG_CHECK(std::includes(by_itself.begin(), by_itself.end(), cut.begin(),
                         cut.end()));
  return 0;
}
