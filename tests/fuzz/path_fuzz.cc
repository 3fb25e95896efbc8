// The whole path from link layer to observation. The input is a list of
// packets: link type (index), two bytes of length, the bytes.
#include <vector>

#include "agent/observe/observer.h"
#include "platform/check.h"

using namespace schoolgate;
using namespace schoolgate::agent;

namespace {

constexpr int kLinkTypes[] = {
    1, 0,  9, 12, 104, 105, 107, 108, 113, 127, 139, 192, 219, 239, 276, 228,
    8, 10, 6, 11, 51,  117, 119, 129, 137, 149, 163, 178, 197, 206, 226, 240};

class Count : public ObservationSink {
 public:
  void OnName(const Observation& seen) override {
    SG_CHECK(!seen.name.empty());
    for (char c : seen.name) SG_CHECK(c > ' ' && c < 0x7f);
    ++names;
  }
  void OnFlow(const FlowProgress& progress) override {
    open += progress.opened;
    open -= progress.closed;
  }
  uint64_t names = 0;
  int64_t open = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Count sink;
  ObserverLimits limits;
  limits.flows.max_flows = 8;
  limits.max_partials = 4;
  limits.max_partial_bytes = 1 << 17;
  Observer observer(limits, sink);
  ByteReader reader(Bytes(bytes, size));
  std::vector<platform::Packet> portion;
  platform::Packet packet;
  packet.time_us = 1'000'000;
  while (reader.left() >= 3) {
    const uint8_t head = reader.U8();
    const size_t length = reader.U16();
    packet.bytes = reader.Take(std::min(length, reader.left()));
    packet.link_type = kLinkTypes[head % std::size(kLinkTypes)];
    packet.wire_bytes = static_cast<uint32_t>(packet.bytes.size());
    packet.time_us += (head >> 6) * 1'000'000;
    ++packet.frame;
    portion.push_back(packet);
    if ((head & 0x20) != 0) continue;  // together with the next
    observer.OnPackets(portion);
    portion.clear();
  }
  observer.OnPackets(portion);
  observer.Finish();
  SG_CHECK(observer.counters().all_names() == sink.names);
  SG_CHECK(sink.open == 0);
  SG_CHECK(observer.counters().packets == packet.frame);
  return 0;
}
