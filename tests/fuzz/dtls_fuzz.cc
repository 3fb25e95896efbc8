// DTLS as clients send it: a ClientHello in fragments of any cut and order,
// some twice, several in a record and a datagram, perhaps behind an elder hello
// that never became whole. When all its bytes have come its name is told.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "agent/observe/udp_inspector.h"
#include "platform/check.h"
#include "tests/fuzz/choices.h"

using namespace schoolgate;
using namespace schoolgate::agent;
using traffic::operator+;

namespace {

constexpr size_t kMaxFrames = 200;  // fewer than an assembler keeps islands
constexpr size_t kFixedBytes = 2 + 32;

class Collect : public ObservationSink {
 public:
  void OnName(const Observation& seen) override { names.emplace(seen.name); }
  std::set<std::string> names;
};

struct World {
  Collect sink;
  Teller teller{sink};
  PartialPool partials{4, 1 << 20};
  UdpInspector inspector{teller, partials};
};

// The body of a hello as DTLS has it: another version, and a cookie.
traffic::Buffer Body(fuzz::Choices& choices) {
  const traffic::Buffer hello = fuzz::MakeHello(choices);
  const Bytes body = Bytes(hello).subspan(4);
  const size_t session = kFixedBytes + 1 + body[kFixedBytes];
  const size_t cookie = choices.Below(40);
  return traffic::Writer()
      .U16(choices.Byte() & 1 ? 0xfefd : 0xfeff)
      .Put(body.subspan(2, session - 2))
      .U8(static_cast<unsigned>(cookie))
      .Zeros(cookie)
      .Put(body.subspan(session))
      .bytes();
}

traffic::Buffer Fragment(const traffic::Buffer& body, unsigned number,
                         size_t begin, size_t end) {
  return traffic::Writer()
      .U8(1)
      .U24(static_cast<unsigned>(body.size()))
      .U16(number)
      .U24(static_cast<unsigned>(begin))
      .U24(static_cast<unsigned>(end - begin))
      .Put(Bytes(body).subspan(begin, end - begin))
      .bytes();
}

std::vector<traffic::Buffer> Fragments(fuzz::Choices& choices,
                                       const traffic::Buffer& body,
                                       unsigned number) {
  std::vector<traffic::Buffer> fragments;
  for (size_t at = 0; at < body.size();) {
    const size_t end = std::min(body.size(), at + 1 + choices.Below(1200));
    const size_t back = std::min(at, choices.Below(30));  // overlaps
    fragments.push_back(Fragment(body, number, at - back, end));
    at = end;
  }
  for (size_t i = fragments.size(); i > 1; --i) {
    std::swap(fragments[i - 1], fragments[choices.Below(i)]);
  }
  if (choices.Byte() & 1) fragments.push_back(fragments[0]);
  return fragments;
}

void Send(World& world, agent::Flow& flow, Bytes datagram) {
  Segment segment;
  segment.protocol = kProtocolUdp;
  segment.payload = datagram;
  world.inspector.OnDatagram(flow, 0, segment);
}

std::set<std::string> NamesOf(const traffic::Buffer& body) {
  std::set<std::string> names;
  ClientHello hello;
  if (!ParseClientHello(body, /*datagram=*/true, &hello)) return names;
  for (const Bytes sent : hello.server_names()) {
    NameText name;
    name.SetHost(sent);
    if (!name.view().empty()) names.emplace(name.view());
  }
  return names;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static World world;
  world.sink.names.clear();
  fuzz::Choices choices(Bytes(bytes, size));
  const unsigned number = choices.Byte() & 1;
  const traffic::Buffer body = Body(choices);
  const auto fragments = Fragments(choices, body, number);
  if (fragments.size() > kMaxFrames) return 0;
  agent::Flow flow{};
  flow.id = 1;
  flow.protocol = kProtocolUdp;
  flow.ports[0] = 50000;
  flow.ports[1] = 4433;
  if (number == 1) {  // a part of the hello that an answer was sent to
    Send(world, flow, traffic::DtlsRecord(Fragment(body, 0, 0, 2)));
  }
  traffic::Buffer record;
  traffic::Buffer datagram;
  for (const traffic::Buffer& fragment : fragments) {
    record = record + fragment;
    if (choices.Byte() & 1) continue;
    datagram = datagram + traffic::DtlsRecord(record);
    record.clear();
    if (choices.Byte() & 1) continue;
    Send(world, flow, datagram);
    datagram.clear();
  }
  if (!record.empty()) datagram = datagram + traffic::DtlsRecord(record);
  if (!datagram.empty()) Send(world, flow, datagram);
  SG_CHECK(world.sink.names == NamesOf(body));
  world.partials.Release(flow, 0);
  SG_CHECK(world.partials.live() == 0 && world.partials.held_bytes() == 0);
  return 0;
}
