// A network namespace of a test's own, with nothing in it but loopback.
#pragma once

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace schoolgate::agent {

class OwnNetwork {
 public:
  OwnNetwork()
      : before_(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)),
        made_(unshare(CLONE_NEWNET) == 0) {
    if (!made_) return;
    const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP | IFF_RUNNING;
    ioctl(any, SIOCSIFFLAGS, &loopback);
    close(any);
  }
  ~OwnNetwork() {
    if (made_) setns(before_, CLONE_NEWNET);
    close(before_);
  }
  OwnNetwork(const OwnNetwork&) = delete;
  OwnNetwork& operator=(const OwnNetwork&) = delete;

  // Not where the test may not: it needs root.
  bool made() const { return made_; }

 private:
  const int before_;
  const bool made_;
};

}  // namespace schoolgate::agent
