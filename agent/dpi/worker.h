// The loop of schoolgate-dpi: packets from one ring, labels into the other.
#pragma once

#include "agent/dpi/flow_labeller.h"
#include "agent/labels/ring.h"
#include "agent/labels/wire.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows memory and door (a stream socket, not blocking) for
// its life.
class Worker {
 public:
  Worker(std::span<std::byte> memory, int door);

  // False when nDPI cannot be loaded. Before the sandbox is closed.
  bool Load();

  // Runs until the agent has gone (true), or its records make no sense.
  bool Run();

 private:
  bool Take(std::span<const std::byte> bytes);
  void Answer(const LabelRecord& record);
  // False: the agent has gone.
  bool Sleep();
  void Ring();

  RingReader packets_;
  RingWriter labels_;
  const int door_;
  bool gone_ = false;
  std::unique_ptr<FlowLabeller> labeller_;
};

}  // namespace schoolgate::agent
