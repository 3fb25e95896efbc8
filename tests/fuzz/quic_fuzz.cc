// QUIC from both sides: the input as a datagram as it is, and the input as
// the frames of Initials that are sealed with the right keys, so that the
// fuzzer gets behind the encryption.
#include <algorithm>

#include "agent/observe/quic_initial.h"
#include "agent/observe/udp_inspector.h"
#include "platform/check.h"
#include "tests/recall/traffic.h"

using namespace schoolgate;
using namespace schoolgate::agent;

namespace {

class Ignore : public ObservationSink {
 public:
  void OnName(const Observation& seen) override {
    SG_CHECK(!seen.name.empty());
  }
};

void Send(UdpInspector& inspector, agent::Flow& flow, Bytes datagram) {
  Segment segment;
  segment.protocol = kProtocolUdp;
  segment.payload = datagram;
  inspector.OnDatagram(flow, 0, segment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const Bytes input(bytes, size);
  static Ignore sink;  // setting up the ciphers each time takes long
  static Teller teller(sink);
  static PartialPool partials(4, 1 << 20);
  static UdpInspector inspector(teller, partials);
  agent::Flow flow{};
  flow.id = 1;
  flow.protocol = kProtocolUdp;
  flow.ports[1] = 443;

  Send(inspector, flow, input);
  static constexpr uint32_t kVersions[] = {1, 0x6b3343cf, 0xff00001d};
  traffic::InitialOptions options;
  options.version = kVersions[size % 3];
  // Frames of several packets, cut at 0xff 0xff.
  size_t begin = 0;
  for (size_t at = 0; at <= size && options.number < 3; ++at) {
    const bool cut = at == size || (at + 1 < size && bytes[at] == 0xff &&
                                    bytes[at + 1] == 0xff);
    if (!cut) continue;
    const Bytes frames =
        input.subspan(begin, std::min<size_t>(at - begin, 1100));
    Send(inspector, flow, traffic::Initial(options, frames));
    ++options.number;
    begin = at + 2;
    if (begin > size) break;
    at = begin - 1;
  }
  partials.Release(flow, 0);
  SG_CHECK(partials.live() == 0 && partials.held_bytes() == 0);
  return 0;
}
