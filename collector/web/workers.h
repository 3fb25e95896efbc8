// Threads that answer calls, so that the one that moves bytes never waits
// for a disk or a password hash.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace schoolgate::collector {

// One thread and its queue. Thread-safe.
class Worker {
 public:
  explicit Worker(size_t limit) : limit_(limit), thread_([this] { Run(); }) {}
  ~Worker() { Stop(); }

  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // false: the queue is full or the worker has stopped; `job` will not run.
  bool Add(std::function<void()> job);

  // Runs what is queued, then ends the thread.
  void Stop();

 private:
  void Run();

  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace schoolgate::collector
