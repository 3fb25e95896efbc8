// One stream between a device and the collector: late, cut or black-holed, but
// never out of order, as TCP is.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <utility>

#include "tests/fleet/timeline.h"

namespace schoolgate::tests {

class Wire : public std::enable_shared_from_this<Wire> {
 public:
  Wire(Timeline& timeline, absl::Duration latency)
      : timeline_(timeline), latency_(latency) {}

  // Each end's word that the stream is over; called once, late.
  std::function<void()> on_device_end;
  std::function<void()> on_collector_end;

  bool open() const { return open_; }

  // Runs `arrive` at the other end, unless the wire is cut before.
  void Carry(bool to_collector, std::function<void()> arrive) {
    absl::Duration& last = to_collector ? last_up_ : last_down_;
    last = std::max(last, timeline_.now() + latency_);
    timeline_.In(last - timeline_.now(),
                 [self = shared_from_this(), arrive = std::move(arrive)] {
                   if (self->open_ && !self->swallowing_) arrive();
                 });
  }

  // From now on everything vanishes and nobody is told.
  void Swallow() { swallowing_ = true; }

  // Both ends hear of it; of a black hole neither does.
  void Cut() {
    if (!std::exchange(open_, false)) return;
    if (swallowing_) return;
    timeline_.In(latency_, [self = shared_from_this()] { self->Tell(); });
  }

  // The device hangs up: it knows, the collector is told.
  void HangUp() {
    on_device_end = nullptr;
    Cut();
  }

 private:
  void Tell() {
    if (auto end = std::exchange(on_device_end, nullptr)) end();
    if (auto end = std::exchange(on_collector_end, nullptr)) end();
  }

  Timeline& timeline_;
  const absl::Duration latency_;
  absl::Duration last_up_, last_down_;
  bool open_ = true;
  bool swallowing_ = false;
};

}  // namespace schoolgate::tests
