// For a thread that waits: for other threads, for descriptors, for the user's
// wish to stop, and for time.
#pragma once

#include <span>

#include "absl/time/time.h"

namespace schoolgate::platform {

// Lets any thread wake the one that waits.
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void Signal();  // thread-safe
  void Drain();
  int descriptor() const { return fd_; }

 private:
  int fd_;
};

// Becomes readable when the process is asked to end (SIGTERM, SIGINT). Make
// it before any thread is started; the signals then do nothing else.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool Arrived();
  int descriptor() const { return fd_; }

 private:
  int fd_;
  bool arrived_ = false;
};

// Waits until one of the descriptors is readable, at most `patience`.
// Negative descriptors are ignored.
void WaitReadable(std::span<const int> descriptors, absl::Duration patience);

}  // namespace schoolgate::platform
