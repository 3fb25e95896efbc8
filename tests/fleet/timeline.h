// What happens when, in time that only passes when nothing is left to do.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace schoolgate::tests {

// Not thread-safe.
class Timeline {
 public:
  absl::Duration now() const { return now_; }

  // What is due at one moment happens in the order it was asked for.
  void In(absl::Duration wait, std::function<void()> act) {
    events_.push({now_ + wait, ++count_, std::move(act)});
  }

  // Until nothing is due before `end`.
  void RunUntil(absl::Duration end) {
    while (!events_.empty() && events_.top().when <= end) {
      Event next = events_.top();
      events_.pop();
      now_ = next.when;
      next.act();
    }
    now_ = end;
  }

 private:
  struct Event {
    absl::Duration when;
    uint64_t count;
    std::function<void()> act;

    bool operator<(const Event& other) const {
      return when != other.when ? when > other.when : count > other.count;
    }
  };

  absl::Duration now_ = absl::ZeroDuration();
  uint64_t count_ = 0;
  std::priority_queue<Event> events_;
};

}  // namespace schoolgate::tests
