// What other threads want done on the uplink's own thread.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "platform/wakeup.h"

namespace schoolgate::agent {

class Mailbox {
 public:
  // Thread-safe. Run in the order of posting.
  void Post(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    wakeup_.Signal();
  }

  // Runs what was posted so far.
  void RunAll() {
    wakeup_.Drain();
    std::vector<std::function<void()>> tasks;
    {
      const std::lock_guard lock(mutex_);
      tasks.swap(tasks_);
    }
    for (auto& task : tasks) task();
  }

  int descriptor() const { return wakeup_.descriptor(); }

 private:
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
  platform::Wakeup wakeup_;
};

}  // namespace schoolgate::agent
