// Any bytes as the kernel's message about a packet that it holds, and as that
// packet.
#include <vector>

#include "agent/enforce/held_packet.h"
#include "platform/check.h"
#include "platform/queue_message.h"

using namespace schoolgate;
using namespace schoolgate::agent;

namespace {

void TakeApart(std::span<const uint8_t> bytes) {
  const auto held = ParseHeld(bytes);
  if (!held) return;
  SG_CHECK(held->payload.size() <= bytes.size());
  SG_CHECK(held->source.size() == (held->v6 ? 16 : 4));
  if (held->protocol == kProtocolUdp) {
    const auto reply = ParseHeld(UdpReply(*held, held->payload));
    SG_CHECK(reply && reply->payload.size() == held->payload.size());
    SG_CHECK(reply->source_port == held->destination_port);
    return;
  }
  const auto opening = ParseHeld(TcpOpening(*held));
  SG_CHECK(opening && opening->payload.empty());
  const std::vector<uint8_t> bare = WithoutPayload(bytes, *held);
  if (bare.empty()) return;
  const auto again = ParseHeld(bare);
  SG_CHECK(again && again->payload.empty());
  SG_CHECK(again->sequence == held->sequence);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::span<const uint8_t> input(bytes, size);
  platform::HeldByKernel held;
  if (platform::ReadHeldMessage(input, &held)) {
    SG_CHECK(held.bytes.size() <= size);
    TakeApart(held.bytes);
  }
  TakeApart(input);
  return 0;
}
