#include "agent/observe/partial_pool.h"

#include "platform/check.h"

namespace schoolgate::agent {

void Partial::Clear() {
  flow = 0;
  side = 0;
  bytes = ByteAssembler();
  origin_seq = inserts = 0;
  charged_bytes = 0;
  open = guessed = from_start = false;
  passed = 0;
  refused = early_count = 0;
  front = Reading();
  if (version != 0) keys = QuicKeys();
  version = 0;
  id_bytes = 0;
  has_token = false;
  told = 0;
}

PartialPool::PartialPool(uint32_t max_partials, size_t max_bytes)
    : max_bytes_(max_bytes), max_partials_(max_partials) {
  SG_CHECK(max_partials >= 2);
  free_.reserve(max_partials);  // so that giving back never allocates
}

Partial* PartialPool::Find(const Flow& flow, int side) {
  const uint32_t handle = flow.sides[side].pieces;
  if (handle == 0) return nullptr;
  Partial* partial = partials_[handle - 1].get();
  return partial->flow == flow.id && partial->side == side ? partial : nullptr;
}

Partial* PartialPool::Make(Flow& flow, int side) {
  if (free_.empty() && partials_.size() >= max_partials_) EvictOne(nullptr);
  if (free_.empty()) {
    partials_.push_back(std::make_unique<Partial>());
    free_.push_back(static_cast<uint32_t>(partials_.size() - 1));
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  Partial& partial = *partials_[index];
  partial.flow = flow.id;
  partial.side = side;
  flow.sides[side].pieces = index + 1;
  ++live_;
  return &partial;
}

void PartialPool::Release(Flow& flow, int side) {
  Partial* partial = Find(flow, side);
  const uint32_t handle = flow.sides[side].pieces;
  flow.sides[side].pieces = 0;
  if (partial == nullptr) return;
  Free(handle - 1);
}

void PartialPool::Free(uint32_t index) {
  held_bytes_ -= partials_[index]->charged_bytes;
  partials_[index]->Clear();
  free_.push_back(index);
  --live_;
}

void PartialPool::EvictOne(const Partial* keep) {
  for (size_t tries = 0; tries <= partials_.size(); ++tries) {
    if (++hand_ >= partials_.size()) hand_ = 0;
    Partial& victim = *partials_[hand_];
    if (victim.flow == 0 || &victim == keep) continue;
    Free(hand_);
    ++evicted_;
    return;
  }
}

void PartialPool::Charge(Partial& grown) {
  const size_t now = grown.bytes.held_bytes();
  held_bytes_ += now - grown.charged_bytes;
  grown.charged_bytes = now;
  while (held_bytes_ > max_bytes_ && live_ > 1) EvictOne(&grown);
}

}  // namespace schoolgate::agent
