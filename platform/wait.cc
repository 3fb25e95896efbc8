#include "platform/wait.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "platform/check.h"

namespace schoolgate::platform {

uint32_t WaitReadable(std::span<const int> descriptors,
                      absl::Duration patience) {
  SG_CHECK(descriptors.size() <= kMostWaitedFor);
  std::array<pollfd, kMostWaitedFor> polled;
  for (size_t i = 0; i < descriptors.size(); ++i) {
    polled[i] = {.fd = descriptors[i], .events = POLLIN, .revents = 0};
  }
  // Rounded up, so that a wait never ends just before its time.
  const double ms = std::ceil(absl::ToDoubleMilliseconds(patience));
  if (poll(polled.data(), descriptors.size(),
           static_cast<int>(std::clamp(ms, 0.0, 3'600'000.0))) <= 0) {
    return 0;
  }
  uint32_t ready = 0;
  for (size_t i = 0; i < descriptors.size(); ++i) {
    if (polled[i].revents != 0) ready |= 1u << i;
  }
  return ready;
}

}  // namespace schoolgate::platform
