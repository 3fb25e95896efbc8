// Any bytes as a capture file, with and without compression: one packet after
// the other or several at once, what is read is the same.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include "platform/check.h"
#include "platform/packet_source.h"

using namespace schoolgate::platform;

namespace {

// Packets, and the sum of their bytes.
using Read = std::pair<uint64_t, uint64_t>;

template <size_t kMost>
Read ReadAll(const std::string& path) {
  const auto source = OpenCaptureFile(path);
  Read read;
  if (!source.ok()) return read;
  std::array<Packet, kMost> some;
  size_t count = 0;
  while ((*source)->NextSome(absl::ZeroDuration(), some, &count) ==
         NextResult::kPacket) {
    SG_CHECK(count >= 1 && count <= kMost);
    for (size_t i = 0; i < count; ++i) {
      SG_CHECK(some[i].frame == ++read.first);
      for (uint8_t byte : some[i].bytes) read.second += byte;
    }
  }
  SG_CHECK((*source)->dropped() == 0);
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const std::string path =
      "/tmp/schoolgate-capture-fuzz." + std::to_string(getpid());
  std::FILE* file = std::fopen(path.c_str(), "wb");
  SG_CHECK(file != nullptr);
  SG_CHECK(std::fwrite(bytes, 1, size, file) == size);
  SG_CHECK(std::fclose(file) == 0);
  SG_CHECK(ReadAll<1>(path) == ReadAll<5>(path));
  std::remove(path.c_str());
  return 0;
}
