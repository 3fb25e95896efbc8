// All conversations of the moment, in memory that never grows beyond a fixed
// size, whatever is sent.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/capture/segment.h"

namespace schoolgate::agent {

// What one end of a flow has sent.
struct FlowSide {
  uint32_t next_seq = 0;   // TCP: the first byte not yet looked at
  uint32_t pieces = 0;     // handle of bytes held for this side; 0: none
  uint32_t looked_at = 0;  // payload bytes seen, stops at its maximum
  uint8_t mode = 0;        // the inspector's own
  bool knows_seq = false;
  bool finished = false;    // FIN seen
  uint8_t segments = 0;     // with payload, stops at its maximum
  uint16_t interface = 0;   // on which its packets count; low bits, 0: any
  uint16_t heard_tick = 0;  // when that was last used; see IsEcho
};

enum class FlowState : uint8_t { kOpen, kClosing };

// Trivially copyable on purpose: lives in a flat table.
struct Flow {
  Address ends[2];
  uint16_t ports[2];
  uint8_t protocol;
  uint8_t client;  // index of the end that asks
  FlowState state;
  uint8_t blind;      // the observer's cause of blindness, 0: none
  uint64_t id;        // 1, 2, ... in order of first sight
  uint64_t bytes[2];  // IP lengths sent by each end
  int64_t last_us;
  int64_t told_us;      // when progress was last told
  uint64_t told_bytes;  // of both ends, when progress was last told
  FlowSide sides[2];
  uint32_t uid;
  uint32_t name_hash;  // of the last name told
  uint32_t hash;
  uint16_t packets;  // stops at its maximum
  bool named;
  uint8_t marks;  // the observer's own flags
};
static_assert(sizeof(Flow) <= 200);

// Called when a flow is dropped because it has been silent too long.
class FlowExpiry {
 public:
  virtual ~FlowExpiry() = default;
  virtual void OnExpired(Flow& flow) = 0;
};

struct FlowLimits {
  uint32_t max_flows = 1u << 18;
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

// Not thread-safe. When full, a new flow is refused and counted; known flows
// are never pushed out by new ones, only by their own silence.
class FlowTable {
 public:
  FlowTable(const FlowLimits& limits, FlowExpiry& expiry);
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  struct Found {
    Flow* flow;  // null: the table is full. Valid until the next Find
    int side;    // which end sent the segment
    bool fresh;  // first sight; ends[0] is the segment's source
  };
  Found Find(const Segment& segment, int64_t time_us);

  // Forgets a flow at once, without telling the expiry.
  void Remove(Flow* flow);

  // Drops flows that are silent too long; cheap, call for each packet.
  void Sweep(int64_t time_us);

  // Drops all flows, telling the expiry of each.
  void Clear();

  uint64_t opened() const { return last_id_; }
  uint64_t refused() const { return refused_; }
  uint32_t size() const { return size_; }

  // Bytes the table can ever take.
  size_t max_memory_bytes() const;

 private:
  struct Slot {
    uint32_t hash;
    uint32_t flow;  // index + 1; 0: free
  };
  template <typename T>
  using Mapped = std::unique_ptr<T[], Unmap>;

  static void* Map(size_t bytes);
  bool Expired(const Flow& flow, int64_t time_us) const;
  void SweepSome(uint32_t count, int64_t time_us);
  Flow* Take();
  void Erase(uint32_t slot);

  FlowLimits limits_;
  FlowExpiry& expiry_;
  uint32_t slot_mask_;
  Mapped<Slot> slots_;
  Mapped<Flow> flows_;
  uint32_t used_ = 0;  // flows_[0, used_) were used at least once
  uint32_t free_ = 0;  // index + 1 of the first free flow, linked by hash
  uint32_t size_ = 0;
  uint32_t cursor_ = 0;
  int64_t swept_us_ = 0;
  uint64_t last_id_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace schoolgate::agent
