// Any bytes as what the kernel sends of packets that it logs.
#include "platform/check.h"
#include "platform/log_message.h"

using namespace schoolgate::platform;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::span<const uint8_t> left(bytes, size);
  Logged logged;
  while (!left.empty()) {
    const size_t before = left.size();
    const bool taken = TakeLogMessage(&left, &logged);
    SG_CHECK(left.size() < before);
    if (!taken) continue;
    const auto packet = logged.packet.bytes;
    SG_CHECK(!packet.empty() && packet.data() >= bytes &&
             packet.data() + packet.size() <= bytes + size);
    SG_CHECK(logged.packet.wire_bytes >= packet.size());
    SG_CHECK(logged.packet.stands_for >= 1);
  }
  return 0;
}
