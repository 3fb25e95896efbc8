#include "agent/capture/flow_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "platform/check.h"

namespace schoolgate::agent {
namespace {

constexpr int64_t kSweepEveryUs = 250'000;
constexpr uint32_t kSweepAtLeast = 16;
constexpr uint32_t kSweepShare = 256;  // of the table: all of it in 64 s
constexpr uint32_t kSweepPerNewFlow = 4;

uint64_t Load64(const uint8_t* at) {
  uint64_t value;
  std::memcpy(&value, at, 8);
  return value;
}

uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// The same for both directions.
uint32_t HashOf(const Segment& segment, uint64_t seed) {
  const uint64_t one =
      Mix(Load64(segment.src.data()) ^ seed,
          Load64(segment.src.data() + 8) ^ (uint64_t{segment.src_port} << 13) ^
              0xe7037ed1a0b428db);
  const uint64_t other =
      Mix(Load64(segment.dst.data()) ^ seed,
          Load64(segment.dst.data() + 8) ^ (uint64_t{segment.dst_port} << 13) ^
              0xe7037ed1a0b428db);
  return static_cast<uint32_t>(
      Mix((one + other) ^ segment.protocol, (one ^ other) ^ seed));
}

bool SameAddress(const Address& a, const Address& b) {
  return Load64(a.data() + 8) == Load64(b.data() + 8) &&
         Load64(a.data()) == Load64(b.data());
}

// 0 or 1: the end that sent the segment; -1: another flow.
int SideOf(const Flow& flow, const Segment& segment) {
  if (flow.protocol != segment.protocol) return -1;
  if (flow.ports[0] == segment.src_port && flow.ports[1] == segment.dst_port &&
      SameAddress(flow.ends[0], segment.src) &&
      SameAddress(flow.ends[1], segment.dst)) {
    return 0;
  }
  if (flow.ports[1] == segment.src_port && flow.ports[0] == segment.dst_port &&
      SameAddress(flow.ends[1], segment.src) &&
      SameAddress(flow.ends[0], segment.dst)) {
    return 1;
  }
  return -1;
}

}  // namespace

void Unmap::operator()(void* memory) const { munmap(memory, bytes); }

void* FlowTable::Map(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  SG_CHECK(memory != MAP_FAILED);
  return memory;
}

FlowTable::FlowTable(const FlowLimits& limits, FlowExpiry& expiry)
    : limits_(limits), expiry_(expiry) {
  SG_CHECK(limits.max_flows > 0 && limits.max_flows <= 1u << 24);
  const size_t slots = std::bit_ceil(size_t{limits.max_flows} * 2);
  slot_mask_ = static_cast<uint32_t>(slots - 1);
  slots_ = Mapped<Slot>(static_cast<Slot*>(Map(slots * sizeof(Slot))),
                        Unmap{slots * sizeof(Slot)});
  const size_t flow_bytes = limits.max_flows * sizeof(Flow);
  flows_ = Mapped<Flow>(static_cast<Flow*>(Map(flow_bytes)), Unmap{flow_bytes});
}

FlowTable::~FlowTable() = default;

size_t FlowTable::max_memory_bytes() const {
  return (size_t{slot_mask_} + 1) * sizeof(Slot) +
         limits_.max_flows * sizeof(Flow);
}

Flow* FlowTable::Take() {
  if (free_ != 0) {
    Flow* flow = &flows_[free_ - 1];
    free_ = flow->hash;
    return flow;
  }
  if (used_ == limits_.max_flows) return nullptr;
  return &flows_[used_++];
}

FlowTable::Found FlowTable::Find(const Segment& segment, int64_t time_us) {
  const uint32_t hash = HashOf(segment, limits_.hash_seed);
  for (uint32_t slot = hash & slot_mask_; slots_[slot].flow != 0;
       slot = (slot + 1) & slot_mask_) {
    if (slots_[slot].hash != hash) continue;
    Flow& flow = flows_[slots_[slot].flow - 1];
    const int side = SideOf(flow, segment);
    if (side >= 0) return {&flow, side, false};
  }
  SweepSome(kSweepPerNewFlow, time_us);
  Flow* flow = Take();
  if (flow == nullptr) {
    ++refused_;
    return {nullptr, 0, false};
  }
  *flow = Flow{};
  flow->ends[0] = segment.src;
  flow->ends[1] = segment.dst;
  flow->ports[0] = segment.src_port;
  flow->ports[1] = segment.dst_port;
  flow->protocol = segment.protocol;
  flow->hash = hash;
  flow->uid = platform::kNoUid;
  flow->id = ++last_id_;
  flow->last_us = time_us;
  uint32_t slot = hash & slot_mask_;
  while (slots_[slot].flow != 0) slot = (slot + 1) & slot_mask_;
  slots_[slot] = {hash, static_cast<uint32_t>(flow - flows_.get()) + 1};
  ++size_;
  return {flow, 0, true};
}

void FlowTable::Erase(uint32_t slot) {
  uint32_t hole = slot;
  for (uint32_t next = (slot + 1) & slot_mask_; slots_[next].flow != 0;
       next = (next + 1) & slot_mask_) {
    const uint32_t home = slots_[next].hash & slot_mask_;
    if (((next - home) & slot_mask_) >= ((next - hole) & slot_mask_)) {
      slots_[hole] = slots_[next];
      hole = next;
    }
  }
  slots_[hole] = {};
}

void FlowTable::Remove(Flow* flow) {
  const uint32_t index = static_cast<uint32_t>(flow - flows_.get()) + 1;
  uint32_t slot = flow->hash & slot_mask_;
  while (slots_[slot].flow != index) {
    SG_CHECK(slots_[slot].flow != 0);
    slot = (slot + 1) & slot_mask_;
  }
  Erase(slot);
  flow->id = 0;
  flow->hash = free_;
  free_ = index;
  --size_;
}

bool FlowTable::Expired(const Flow& flow, int64_t time_us) const {
  const int64_t silent_us = time_us - flow.last_us;
  if (flow.state == FlowState::kClosing) {
    return silent_us > limits_.closing_idle_us;
  }
  if (flow.protocol != kProtocolTcp) return silent_us > limits_.udp_idle_us;
  const bool spoke = flow.sides[0].segments + flow.sides[1].segments > 0;
  return silent_us > (spoke ? limits_.tcp_idle_us : limits_.tcp_new_idle_us);
}

void FlowTable::SweepSome(uint32_t count, int64_t time_us) {
  count = std::min(count, used_);
  for (; count > 0; --count) {
    if (cursor_ >= used_) cursor_ = 0;
    Flow& flow = flows_[cursor_++];
    if (flow.id == 0 || !Expired(flow, time_us)) continue;
    expiry_.OnExpired(flow);
    Remove(&flow);
  }
}

void FlowTable::Sweep(int64_t time_us) {
  const int64_t since_us = time_us - swept_us_;
  if (since_us >= 0 && since_us < kSweepEveryUs) return;
  swept_us_ = time_us;
  SweepSome(kSweepAtLeast + used_ / kSweepShare, time_us);
}

void FlowTable::Clear() {
  for (uint32_t i = 0; i < used_; ++i) {
    if (flows_[i].id == 0) continue;
    expiry_.OnExpired(flows_[i]);
    Remove(&flows_[i]);
  }
}

}  // namespace schoolgate::agent
