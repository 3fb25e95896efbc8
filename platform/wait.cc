#include "platform/wait.h"

#include <poll.h>

#include <vector>

namespace schoolgate::platform {

void WaitReadable(std::initializer_list<int> descriptors,
                  absl::Duration patience) {
  std::vector<pollfd> waits;
  for (const int descriptor : descriptors) {
    if (descriptor >= 0) {
      waits.push_back({.fd = descriptor, .events = POLLIN, .revents = 0});
    }
  }
  poll(waits.data(), waits.size(),
       static_cast<int>(absl::ToInt64Milliseconds(patience)));
}

}  // namespace schoolgate::platform
