// What a waiting thread (see wait.h) waits for: other threads, and the user's
// wish to stop.
#pragma once

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

}  // namespace schoolgate::platform
