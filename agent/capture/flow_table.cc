#include "agent/capture/flow_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "platform/check.h"

namespace schoolgate::agent {
namespace {

constexpr uint32_t kSweepPerNewFlow = 4;
constexpr size_t kFirstSlots = 1024;
constexpr int kTickShift = 20;  // a tick is 2^20 us, about a second

// Wraps around after 140 years, which differences do not mind.
uint32_t Tick(int64_t time_us) {
  return static_cast<uint32_t>(static_cast<uint64_t>(time_us) >> kTickShift);
}

uint64_t Load64(const uint8_t* at) {
  uint64_t value;
  std::memcpy(&value, at, 8);
  return value;
}

uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t HashEnd(const Address& address, uint16_t port, uint64_t seed) {
  return Mix(Load64(address.data()) ^ seed, Load64(address.data() + 8) ^
                                                (uint64_t{port} << 13) ^
                                                0xe7037ed1a0b428db);
}

// The same for both directions.
uint32_t HashEnds(uint64_t one, uint64_t other, uint8_t protocol,
                  uint64_t seed) {
  return static_cast<uint32_t>(
      Mix((one + other) ^ protocol, (one ^ other) ^ seed));
}

uint32_t HashOfFlow(const Flow& flow, uint64_t seed) {
  return HashEnds(HashEnd(flow.ends[0], flow.ports[0], seed),
                  HashEnd(flow.ends[1], flow.ports[1], seed), flow.protocol,
                  seed);
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
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

FlowTable::Mapped<FlowTable::Slot> FlowTable::MapSlots(size_t count) {
  const size_t bytes = count * sizeof(Slot);
  return Mapped<Slot>(static_cast<Slot*>(Map(bytes)), Unmap{bytes});
}

FlowTable::FlowTable(const FlowLimits& limits, FlowExpiry& expiry)
    : limits_(limits), expiry_(expiry) {
  SG_CHECK(limits.max_flows > 0 && limits.max_flows <= 1u << 24);
  slot_mask_ = kFirstSlots - 1;
  slots_ = MapSlots(kFirstSlots);
  const size_t flow_bytes = limits.max_flows * sizeof(Flow);
  flows_ = Mapped<Flow>(static_cast<Flow*>(Map(flow_bytes)), Unmap{flow_bytes});
  const size_t due_bytes = limits.max_flows * sizeof(uint32_t);
  due_ = Mapped<uint32_t>(static_cast<uint32_t*>(Map(due_bytes)),
                          Unmap{due_bytes});
  longest_ticks_ =
      Tick(std::max({limits.udp_idle_us, limits.tcp_idle_us,
                     limits.tcp_new_idle_us, limits.closing_idle_us})) +
      1;
}

FlowTable::~FlowTable() = default;

size_t FlowTable::max_memory_bytes() const {
  const size_t slots =
      std::max(kFirstSlots, std::bit_ceil(size_t{limits_.max_flows} * 2));
  return slots * sizeof(Slot) +
         limits_.max_flows * (sizeof(Flow) + sizeof(uint32_t));
}

void FlowTable::Insert(uint32_t hash, uint32_t flow) {
  uint32_t slot = hash & slot_mask_;
  while (slots_[slot].flow != 0) slot = (slot + 1) & slot_mask_;
  slots_[slot] = {hash, flow};
}

void FlowTable::Grow() {
  const size_t before = size_t{slot_mask_} + 1;
  if (before >= 2 * size_t{limits_.max_flows}) return;
  const Mapped<Slot> old = std::exchange(slots_, MapSlots(2 * before));
  slot_mask_ = static_cast<uint32_t>(2 * before - 1);
  for (size_t i = 0; i < before; ++i) {
    if (old[i].flow != 0) Insert(old[i].hash, old[i].flow);
  }
}

// For a full table: each place holds a flow.
void FlowTable::PushOut() {
  for (uint32_t spared = 0;; ++spared) {
    if (++oldest_ >= used_) oldest_ = 0;
    Flow& flow = flows_[oldest_];
    const bool held = flow.sides[0].pieces != 0 || flow.sides[1].pieces != 0;
    if (held && spared < kMaxSpared) continue;
    expiry_.OnExpired(flow);
    Remove(&flow);
    ++pushed_out_;
    return;
  }
}

Flow* FlowTable::Take() {
  if (free_ == 0 && used_ == limits_.max_flows && limits_.push_out) PushOut();
  if (free_ != 0) {
    Flow* flow = &flows_[free_ - 1];
    free_ = flow->name_hash;
    return flow;
  }
  if (used_ == limits_.max_flows) return nullptr;
  return &flows_[used_++];
}

uint32_t FlowTable::HashOf(const Segment& segment) const {
  const uint64_t seed = limits_.hash_seed;
  return HashEnds(HashEnd(segment.src, segment.src_port, seed),
                  HashEnd(segment.dst, segment.dst_port, seed),
                  segment.protocol, seed);
}

FlowTable::Found FlowTable::Find(const Segment& segment, uint32_t hash,
                                 int64_t time_us) {
  for (uint32_t slot = hash & slot_mask_; slots_[slot].flow != 0;
       slot = (slot + 1) & slot_mask_) {
    if (slots_[slot].hash != hash) continue;
    Flow& flow = flows_[slots_[slot].flow - 1];
    const int side = SideOf(flow, segment);
    if (side < 0) continue;
    if (!Expired(flow, time_us)) [[likely]]
      return {&flow, side, false};
    expiry_.OnExpired(flow);  // the sweep has not come by yet
    Remove(&flow);
    break;
  }
  SweepSome(kSweepPerNewFlow, time_us);
  if (2 * (size_t{size_} + 1) > size_t{slot_mask_} + 1) Grow();
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
  flow->uid = platform::kNoUid;
  flow->id = ++last_id_;
  flow->last_us = time_us;
  SetDue(*flow);
  ++size_;
  Insert(hash, static_cast<uint32_t>(flow - flows_.get()) + 1);
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
  uint32_t slot = HashOfFlow(*flow, limits_.hash_seed) & slot_mask_;
  while (slots_[slot].flow != index) {
    SG_CHECK(slots_[slot].flow != 0);
    slot = (slot + 1) & slot_mask_;
  }
  Erase(slot);
  flow->id = 0;
  flow->name_hash = free_;
  free_ = index;
  --size_;
}

int64_t FlowTable::IdleLimit(const Flow& flow) const {
  if (flow.closing) return limits_.closing_idle_us;
  if (flow.protocol != kProtocolTcp) return limits_.udp_idle_us;
  const bool spoke = flow.sides[0].segments + flow.sides[1].segments > 0;
  return spoke ? limits_.tcp_idle_us : limits_.tcp_new_idle_us;
}

// Also when the clock was set back by more than any flow may be silent: such a
// flow would stay for ever.
bool FlowTable::Expired(const Flow& flow, int64_t time_us) const {
  const int64_t silent_us = time_us - flow.last_us;
  return silent_us > IdleLimit(flow) || silent_us < -limits_.tcp_idle_us;
}

void FlowTable::SetDue(const Flow& flow) {
  due_[&flow - flows_.get()] = Tick(flow.last_us + IdleLimit(flow));
}

void FlowTable::BeginClosing(Flow& flow, int64_t time_us) {
  if (flow.closing) return;
  flow.closing = true;
  flow.last_us = time_us;
  SetDue(flow);
}

void FlowTable::SweepSome(uint32_t count, int64_t time_us) {
  const uint32_t now = Tick(time_us);
  if (cursor_ >= used_) cursor_ = 0;
  // The rest of the round waits for the next call when the end comes first.
  const uint32_t end = std::min(used_, cursor_ + count);
  for (uint32_t index = cursor_; index < end; ++index) {
    // Neither past nor beyond what any flow may wait for.
    if (due_[index] - now - 1 < longest_ticks_) [[likely]]
      continue;
    Look(index, time_us);
  }
  cursor_ = end;
}

void FlowTable::Look(uint32_t index, int64_t time_us) {
  Flow& flow = flows_[index];
  if (flow.id == 0) {
    due_[index] = Tick(time_us) + longest_ticks_;
  } else if (Expired(flow, time_us)) {
    expiry_.OnExpired(flow);
    Remove(&flow);
  } else {
    SetDue(flow);
  }
}

void FlowTable::Clear() {
  for (uint32_t i = 0; i < used_; ++i) {
    if (flows_[i].id == 0) continue;
    expiry_.OnExpired(flows_[i]);
    Remove(&flows_[i]);
  }
}

}  // namespace schoolgate::agent
