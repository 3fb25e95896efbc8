// What happens to the agent itself and must be told: somebody removed its
// rules, it was killed, its queue overflowed, its filter failed a test.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "agent/decide/event_sink.h"
#include "platform/clock.h"
#include "proto/event.pb.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows the clock. What happens before there is a sink is
// told when there is one, with the time at which it happened.
class Incidents {
 public:
  Incidents(const platform::Clock& clock, v1::Place place)
      : clock_(clock), place_(place) {}

  // Somebody touched what the agent depends on. Kinds: docs/operating.md.
  void Tamper(std::string_view kind, std::string_view detail);

  // Something of our own that we looked at. What failed is urgent; what passed
  // is kept as a record, and is no incident.
  void SelfTest(std::string_view what, bool passed, std::string_view detail);

  // Nothing failed, and still the school is told at once.
  void Notice(std::string_view what, std::string_view detail);

  // Where they go, borrowed; null before enrolment.
  void SendTo(EventSink* sink);

  // Whether nothing waits for a sink.
  bool all_told() const { return waiting_.empty(); }

  // Kinds of the latest, oldest first.
  const std::deque<std::string>& latest() const { return latest_; }

 private:
  static constexpr size_t kMaxWaiting = 64;
  static constexpr size_t kMaxLatest = 16;

  v1::Event MakeTest(std::string_view what, bool passed,
                     std::string_view detail) const;
  void Remember(std::string_view kind);
  void Tell(v1::Event event);

  const platform::Clock& clock_;
  const v1::Place place_;
  EventSink* sink_ = nullptr;
  std::vector<v1::Event> waiting_;
  std::deque<std::string> latest_;
};

}  // namespace schoolgate::agent
