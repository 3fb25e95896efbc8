// All conversations of the moment, in memory that never grows beyond a fixed
// size, whatever is sent.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/capture/segment.h"

namespace schoolgate::agent {

// What one end of a flow has sent.
struct FlowSide {
  uint32_t next_seq = 0;        // TCP: the first byte not yet looked at
  uint32_t pieces = 0;          // handle of bytes held for this side; 0: none
  uint32_t looked_at : 24 = 0;  // payload bytes seen, stops at kMostLookedAt
  uint32_t segments : 8 = 0;    // with payload, stops at its maximum
  bool knows_seq : 1 = false;
  bool finished : 1 = false;    // FIN seen
  bool past_start : 1 = false;  // TCP: some of its bytes were passed over
  bool contested : 1 = false;   // TCP: its SYNs disagree where it begins
  uint8_t packets = 0;          // stops at its maximum
  uint16_t interface = 0;       // on which its packets count; 0: any

  static constexpr uint32_t kMostLookedAt = 1 << 23;
};

// Trivially copyable on purpose: lives in a flat table, in two cache lines.
// The first is what a look-up and an expiry touch.
struct alignas(64) Flow {
  Address ends[2];
  uint16_t ports[2];
  uint8_t protocol;
  uint8_t client : 1;  // index of the end that asks
  bool named : 1;
  bool closing : 1;  // set by FlowTable::BeginClosing
  uint8_t blind;     // the observer's cause of blindness, 0: none
  uint8_t marks;     // the observer's own flags
  uint64_t id;       // 1, 2, ... in order of first sight; 0: no flow
  int64_t last_us;
  uint32_t name_hash;  // of the last name told, or the last two of one hello
  uint32_t uid;

  FlowSide sides[2];
  uint64_t bytes[2];  // IP lengths sent by each end
  int64_t told_us;    // when progress was last told
  // Of both ends, when progress was last told; in units of kToldUnit.
  uint32_t told_units;
  uint16_t heard_ticks[2];  // when each end's interface was last used

  static constexpr uint64_t kToldUnit = 64;
};
static_assert(sizeof(Flow) == 128);

// Called when a flow is dropped because it has been silent too long.
class FlowExpiry {
 public:
  virtual ~FlowExpiry() = default;
  virtual void OnExpired(Flow& flow) = 0;
};

struct FlowLimits {
  uint32_t max_flows = 1u << 18;
  bool push_out = false;  // when full: an old flow goes, not the new one
  int64_t udp_idle_us = 120'000'000;
  int64_t tcp_idle_us = 3'600'000'000;
  int64_t tcp_new_idle_us = 60'000'000;     // no payload yet
  int64_t closing_idle_us = 10'000'000;     // after FIN or RST
  uint64_t hash_seed = 0x9e3779b97f4a7c15;  // random on a live device
};

// Gives back pages that were mapped, not allocated.
struct Unmap {
  size_t bytes = 0;
  void operator()(void* memory) const;
};

// Not thread-safe. When full, a new flow is refused and counted, and known ones
// go by their own silence alone; or, where the limits say so, the one that was
// there longest goes for it, counted, but not while bytes of it are held.
class FlowTable {
 public:
  // Flows in a row that stay for the bytes that are held of them.
  static constexpr uint32_t kMaxSpared = 64;

  // What a flow takes: itself, its due time and two slots.
  static constexpr size_t kBytesPerFlow = sizeof(Flow) + 4 + 2 * 8;
  static_assert(kBytesPerFlow <= 200);

  FlowTable(const FlowLimits& limits, FlowExpiry& expiry);
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  struct Found {
    Flow* flow;  // null: the table is full. Valid until the next Find
    int side;    // which end sent the segment
    bool fresh;  // first sight; ends[0] is the segment's source
  };
  Found Find(const Segment& segment, int64_t time_us) {
    return Find(segment, HashOf(segment), time_us);
  }

  // In steps, for whoever has several segments at hand: the time until memory
  // answers passes over them all at once. Say what will be looked for, somewhat
  // later that it will be soon, then look.
  uint32_t HashOf(const Segment& segment) const;
  void Announce(uint32_t hash) const {
    __builtin_prefetch(&slots_[hash & slot_mask_]);
  }
  void AnnounceAgain(uint32_t hash) const {
    const Slot slot = slots_[hash & slot_mask_];
    if (slot.flow == 0) return;
    const char* flow = reinterpret_cast<const char*>(&flows_[slot.flow - 1]);
    __builtin_prefetch(flow);
    __builtin_prefetch(flow + 64);
  }
  Found Find(const Segment& segment, uint32_t hash, int64_t time_us);

  // Forgets a flow at once, without telling the expiry.
  void Remove(Flow* flow);

  // The flow has said its last; it goes after a short silence.
  void BeginClosing(Flow& flow, int64_t time_us);

  // Drops flows that are silent too long; cheap, call for each packet.
  void Sweep(int64_t time_us) {
    const int64_t since_us = time_us - swept_us_;
    if (since_us > -kSweepEveryUs && since_us < kSweepEveryUs) return;
    swept_us_ = time_us;
    SweepSome(kSweepAtLeast + used_ / kSweepShare, time_us);
  }

  // Drops all flows, telling the expiry of each.
  void Clear();

  uint64_t opened() const { return last_id_; }
  uint64_t refused() const { return refused_; }
  uint64_t pushed_out() const { return pushed_out_; }
  uint32_t size() const { return size_; }

  // Bytes the table can ever take.
  size_t max_memory_bytes() const;

 private:
  static constexpr int64_t kSweepEveryUs = 250'000;
  static constexpr uint32_t kSweepAtLeast = 16;
  static constexpr uint32_t kSweepShare = 512;  // of the table: all in 128 s

  struct Slot {
    uint32_t hash;
    uint32_t flow;  // index + 1; 0: free
  };
  template <typename T>
  using Mapped = std::unique_ptr<T[], Unmap>;

  static void* Map(size_t bytes);
  static Mapped<Slot> MapSlots(size_t count);
  void Grow();
  void Insert(uint32_t hash, uint32_t flow);
  int64_t IdleLimit(const Flow& flow) const;
  bool Expired(const Flow& flow, int64_t time_us) const;
  void SetDue(const Flow& flow);
  void SweepSome(uint32_t count, int64_t time_us);
  void Look(uint32_t index, int64_t time_us);
  void PushOut();
  Flow* Take();
  void Erase(uint32_t slot);

  FlowLimits limits_;
  FlowExpiry& expiry_;
  uint32_t slot_mask_ = 0;
  Mapped<Slot> slots_;  // at least twice as many as flows
  Mapped<Flow> flows_;
  // When to look at a flow again, in ticks: never later than it expires, and
  // not moved by each packet, so that sweeping reads few bytes.
  Mapped<uint32_t> due_;
  uint32_t longest_ticks_;
  uint32_t used_ = 0;  // flows_[0, used_) were used at least once
  uint32_t free_ = 0;  // index + 1 of the first free flow, by name_hash
  uint32_t size_ = 0;
  uint32_t cursor_ = 0;
  int64_t swept_us_ = 0;
  uint64_t last_id_ = 0;
  uint64_t refused_ = 0;
  uint32_t oldest_ = 0;  // where the next to be pushed out is looked for
  uint64_t pushed_out_ = 0;
};

}  // namespace schoolgate::agent
