// What happens to the agent itself and must be told: somebody removed its
// rules, it was killed, its queue overflowed, its own check failed.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "agent/decide/event_sink.h"
#include "platform/clock.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows the clock.
class Incidents {
 public:
  explicit Incidents(const platform::Clock& clock) : clock_(clock) {}

  // Somebody touched what the agent depends on. Kinds: docs/operating.md.
  void Tamper(std::string_view kind, std::string_view detail);

  // Something of our own that we looked at.
  void SelfTest(std::string_view what, bool passed, std::string_view detail);

  // Where they go; null before enrolment, then the first ones wait.
  void SendTo(EventSink* sink);

  // Kinds of the latest, oldest first.
  const std::deque<std::string>& latest() const { return latest_; }

 private:
  static constexpr size_t kMaxWaiting = 64;
  static constexpr size_t kMaxLatest = 16;

  void Tell(v1::Event event, std::string_view kind);

  const platform::Clock& clock_;
  EventSink* sink_ = nullptr;
  std::vector<v1::Event> waiting_;
  std::deque<std::string> latest_;
};

}  // namespace schoolgate::agent
