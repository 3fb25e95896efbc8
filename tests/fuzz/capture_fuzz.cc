// Any bytes as a capture file, with and without compression.
#include <unistd.h>

#include <cstdio>
#include <string>

#include "platform/check.h"
#include "platform/packet_source.h"

using namespace schoolgate::platform;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const std::string path =
      "/tmp/schoolgate-capture-fuzz." + std::to_string(getpid());
  std::FILE* file = std::fopen(path.c_str(), "wb");
  SG_CHECK(file != nullptr);
  SG_CHECK(std::fwrite(bytes, 1, size, file) == size);
  SG_CHECK(std::fclose(file) == 0);
  const auto source = OpenCaptureFile(path);
  if (source.ok()) {
    Packet packet;
    uint64_t frames = 0;
    uint64_t sum = 0;
    while (frames < 100'000 && (*source)->Next(absl::ZeroDuration(), &packet) ==
                                   NextResult::kPacket) {
      SG_CHECK(packet.frame == ++frames);
      for (uint8_t byte : packet.bytes) sum += byte;
    }
    SG_CHECK((*source)->dropped() == 0 && sum < UINT64_MAX);
  }
  std::remove(path.c_str());
  return 0;
}
