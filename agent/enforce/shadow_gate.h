// Shadow mode: everything is decided and nothing is done about it. Stands
// between the judge and the kernel's queue, and lets every packet go as it is.
#pragma once

#include "agent/enforce/kernel_table.h"
#include "platform/packet_gate.h"

namespace schoolgate::agent {

// Borrows the gate. Not thread-safe.
class ShadowGate : public platform::PacketGate {
 public:
  explicit ShadowGate(platform::PacketGate& gate) : gate_(gate) {}

  bool Take(absl::Duration patience, platform::HeldByKernel* held) override {
    if (!gate_.Take(patience, held)) return false;
    mark_ = held->mark;
    return true;
  }

  // A flow that would be cut runs on, and need not be judged again.
  void Accept(uint32_t id, uint32_t mark) override {
    if ((mark & kMarkBlock) != 0) mark = (mark & ~kMarkBlock) | kMarkPass;
    gate_.Accept(id, mark);
  }

  void Replace(uint32_t id, uint32_t, std::span<const uint8_t>) override {
    gate_.Accept(id, mark_);
  }

  void Drop(uint32_t id) override { gate_.Accept(id, mark_); }

  void Flush() override { gate_.Flush(); }

  bool buffered() const override { return gate_.buffered(); }

  bool drained() const override { return gate_.drained(); }

  int descriptor() const override { return gate_.descriptor(); }

  uint64_t overflowed() const override { return gate_.overflowed(); }

 private:
  platform::PacketGate& gate_;
  uint32_t mark_ = 0;  // of the packet taken last
};

}  // namespace schoolgate::agent
