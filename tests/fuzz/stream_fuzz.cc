// Streams with a ClientHello, DNS messages or HTTP in them, cut into segments
// that come in any order, twice, overlapping. However it is cut, what is told
// is what is told of the uncut stream.
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

constexpr size_t kMaxPieces = 8;  // fewer than an inspector keeps waiting
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
};

std::set<std::string> Deliver(World& world, Bytes stream, uint16_t port,
                              const std::vector<Piece>& pieces) {
  world.sink.names.clear();
  agent::Flow flow{};
  flow.id = 1;
  flow.protocol = kProtocolTcp;
  flow.ports[0] = 50000;
  flow.ports[1] = port;
  Segment segment;
  segment.protocol = kProtocolTcp;
  segment.src_port = 50000;
  segment.dst_port = port;
  segment.tcp_flags = kTcpSyn;
  segment.tcp_seq = 0xfffff000;  // wraps around on the way
  world.inspector.OnSegment(flow, 0, segment);
  segment.tcp_flags = kTcpAck;
  for (const Piece& piece : pieces) {
    segment.tcp_seq = 0xfffff001 + static_cast<uint32_t>(piece.begin);
    segment.payload = stream.subspan(piece.begin, piece.end - piece.begin);
    segment.payload_bytes = static_cast<uint32_t>(segment.payload.size());
    world.inspector.OnSegment(flow, 0, segment);
  }
  world.partials.Release(flow, 0);
  SG_CHECK(world.partials.live() == 0 && world.partials.held_bytes() == 0);
  return world.sink.names;
}

// What may stand in front of a hello in one segment with it.
traffic::Buffer Front(fuzz::Choices& choices) {
  traffic::Writer front;
  switch (choices.Below(10)) {
    case 0:
      return front.Put("PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n").bytes();
    case 1:
      return front.Put(std::string_view("\r\n\r\n\0\r\nQUIT\n", 12))
          .U16(0x2111)
          .U16(12)
          .Zeros(12)
          .bytes();
    case 2:
      return front.U32(0x20000001).Zeros(32).bytes();
    case 3:
      return front.U32(8).U32(0x04d2162f).bytes();
    case 4:
      return front.Put("CONNECT a.example:443 HTTP/1.1\r\n\r\n").bytes();
    default:
      return {};
  }
}

traffic::Buffer MakeStream(fuzz::Choices& choices, uint16_t* port) {
  if (choices.Byte() & 3) {
    const traffic::Buffer hello = fuzz::MakeHello(choices);
    const size_t record = 1 + choices.Below(choices.Byte() & 1 ? 16384 : 64);
    return Front(choices) + traffic::TlsRecords(hello, record);
  }
  *port = 53;
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
  uint16_t port = 443;
  const traffic::Buffer stream = MakeStream(choices, &port);
  if (stream.empty() || stream.size() > kMaxStream) return 0;
  const auto uncut = Deliver(world, stream, port, {{0, stream.size()}});
  const auto cut = Deliver(world, stream, port, Cut(choices, stream.size()));
  SG_CHECK(cut == uncut);
  return 0;
}
