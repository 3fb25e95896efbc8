#include "platform/wakeup.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>

#include "platform/check.h"

namespace schoolgate::platform {

Wakeup::Wakeup() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  SG_CHECK(fd_ >= 0);
}

Wakeup::~Wakeup() { close(fd_); }

void Wakeup::Signal() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then the waiter is awake.
  (void)!write(fd_, &one, sizeof one);
}

void Wakeup::Drain() {
  uint64_t count = 0;
  (void)!read(fd_, &count, sizeof count);
}

StopSignal::StopSignal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  SG_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  SG_CHECK(fd_ >= 0);
}

StopSignal::~StopSignal() { close(fd_); }

bool StopSignal::Arrived() {
  signalfd_siginfo what{};
  if (read(fd_, &what, sizeof what) > 0) arrived_ = true;
  return arrived_;
}

}  // namespace schoolgate::platform
