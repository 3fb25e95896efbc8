// QUIC connections as clients make them: a ClientHello in CRYPTO frames of any
// cut and order, over Initials that are really sealed, coalesced and padded,
// after a Retry or under a new connection id. When all its bytes have arrived
// its name is told, once, however they came.
#include <algorithm>
#include <string>
#include <vector>

#include "agent/observe/udp_inspector.h"
#include "platform/check.h"
#include "tests/fuzz/choices.h"

using namespace schoolgate;
using namespace schoolgate::agent;
using traffic::operator+;

namespace {

constexpr uint32_t kVersions[] = {1,          0x6b3343cf, 0xff00001d,
                                  0xff000016, 0x709a50c4, 0xff000017};
constexpr size_t kMaxPiece = 900;   // fits a datagram with what is around it
constexpr size_t kMaxFrames = 200;  // fewer than an assembler keeps islands

class Collect : public ObservationSink {
 public:
  void OnName(const Observation& seen) override {
    names.emplace_back(seen.name);
  }
  std::vector<std::string> names;
};

struct World {
  Collect sink;
  Teller teller{sink};
  PartialPool partials{4, 1 << 20};
  UdpInspector inspector{teller, partials};
};

void Send(World& world, agent::Flow& flow, Bytes datagram) {
  Segment segment;
  segment.protocol = kProtocolUdp;
  segment.payload = datagram;
  world.inspector.OnDatagram(flow, 0, segment);
}

// Frames that carry nothing of the hello.
traffic::Buffer Around(fuzz::Choices& choices) {
  switch (choices.Below(6)) {
    case 0:
      return {1};  // PING
    case 1:
      return {2, 5, 0, 0, 5};  // ACK
    case 2:
      return {3, 9, 0, 1, 2, 0, 3, 1, 1, 1};  // ACK with ECN and a range
    case 3:
      return traffic::Buffer(1 + choices.Below(40));  // PADDING
    default:
      return {};
  }
}

// The hello in pieces, in any order, some twice.
std::vector<traffic::Buffer> Frames(fuzz::Choices& choices,
                                    const traffic::Buffer& hello) {
  std::vector<traffic::Buffer> frames;
  for (size_t at = 0; at < hello.size();) {
    const size_t size =
        std::min(1 + choices.Below(kMaxPiece), hello.size() - at);
    const size_t back = std::min(at, choices.Below(30));  // overlaps
    frames.push_back(traffic::CryptoFrame(
        at - back, Bytes(hello).subspan(at - back, size + back)));
    at += size;
  }
  for (size_t i = frames.size(); i > 1; --i) {
    std::swap(frames[i - 1], frames[choices.Below(i)]);
  }
  if (choices.Byte() & 1) frames.push_back(frames[0]);
  return frames;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static World world;
  world.sink.names.clear();
  fuzz::Choices choices(Bytes(bytes, size));
  agent::Flow flow{};
  flow.id = 1;
  flow.protocol = kProtocolUdp;
  flow.ports[1] = 443;

  traffic::InitialOptions options;
  options.version = kVersions[choices.Below(std::size(kVersions))];
  options.destination = traffic::Buffer(8 + choices.Below(13), 7);
  options.key_id = options.destination;
  const traffic::Buffer hello = fuzz::MakeHello(choices);
  if (hello.size() > 6000) return 0;
  const auto frames = Frames(choices, hello);
  if (frames.size() > kMaxFrames) return 0;
  if (choices.Byte() & 1) {  // as after the server's first answer
    Send(world, flow, traffic::Initial(options, frames[0]));
    options.destination = traffic::Buffer(choices.Below(21), 9);
    options.number = 1;
  }
  traffic::Buffer body;
  const auto flush = [&] {
    traffic::Buffer datagram = traffic::Initial(options, body);
    ++options.number;
    body.clear();
    const Bytes behind = choices.Some(60);  // coalesced, or rubbish
    datagram.insert(datagram.end(), behind.begin(), behind.end());
    Send(world, flow, datagram);
  };
  for (const traffic::Buffer& frame : frames) {
    if (body.size() + frame.size() > 1000 || choices.Below(4) == 0) flush();
    body = body + Around(choices) + frame;
  }
  flush();

  const size_t length = hello.size() - 4;
  ClientHello expected;
  const bool whole =
      (LoadU32(hello.data()) & 0xffffff) == length &&
      ParseClientHello(Bytes(hello).subspan(4), false, &expected);
  std::vector<std::string> told;
  for (const Bytes sent : expected.server_names()) {
    NameText name;
    name.SetHost(sent);
    if (name.view().empty()) continue;
    if (told.empty() || told.back() != name.view()) {
      told.emplace_back(name.view());
    }
  }
  if (whole) SG_CHECK(world.sink.names == told);
  if (!whole) SG_CHECK(world.sink.names.empty());
  world.partials.Release(flow, 0);
  SG_CHECK(world.partials.live() == 0 && world.partials.held_bytes() == 0);
  return 0;
}
