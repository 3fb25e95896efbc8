// Large transfers to hosts that the policy does not report: a person's bytes
// within a time, against the policy's threshold about any kind of host. Where
// they went is no concern here: a device shares its line with a whole school.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>

#include "agent/decide/recent_map.h"
#include "agent/observe/observation.h"
#include "proto/policy.pb.h"
#include "rules/policy/calendar.h"

namespace schoolgate::agent {

struct LargeTransfer {
  int64_t start_us = 0, end_us = 0;
  uint64_t sent_bytes = 0, received_bytes = 0;
};

// Not thread-safe. Memory is fixed: flows and people that do not fit are not
// counted until there is room. After a clock was set back people are counted
// anew.
class BulkWatch {
 public:
  static constexpr size_t kMaxFlows = 4096;
  static constexpr size_t kMaxPeople = 64;
  static constexpr int64_t kSlotUs = 60'000'000;
  static constexpr int64_t kForgetFlowUs = 600'000'000;
  // Between two looks for flows to forget while there is no room.
  static constexpr int64_t kLookAgainUs = 1'000'000;

  // The threshold to count against; a policy without one ends the counting.
  void SetPolicy(const v1::CompiledPolicy& policy);

  // The flow belongs to a contact that is reported: its bytes are counted
  // there.
  void Leave(FlowId flow, int64_t time_us);

  // What went over a flow so far; a transfer when its owner has just gone over
  // the threshold, once until they fall below it. Flows of nobody known, of
  // the machine's own services and on loopback do not count. Nor does what a
  // flow brought before it was known here: nobody knows when.
  std::optional<LargeTransfer> OnFlow(const FlowProgress& progress);

  // Words about flows, and people, for which there was no room.
  uint64_t uncounted() const { return uncounted_; }

 private:
  struct Flow {
    uint64_t sent = 0, received = 0;
    int64_t seen_us = 0;
    bool left = false;
  };
  struct Slot {
    int64_t start_us = 0;
    uint64_t sent = 0, received = 0;
  };
  struct Person {
    std::deque<Slot> slots;
    bool told = false;
  };

  Flow* FlowOf(FlowId id, int64_t time_us);
  void ForgetFlows(int64_t now_us);
  std::optional<LargeTransfer> Add(uint32_t uid, int64_t time_us, uint64_t sent,
                                   uint64_t received);

  rules::Calendar calendar_;
  uint64_t limit_bytes_ = 0;  // 0: the policy has no such threshold
  int64_t window_us_ = 0;
  int schedule_ = -1;  // index; -1: always
  int64_t looked_us_ = -1;
  bool holds_ = false;
  std::unordered_map<FlowId, Flow> flows_;
  int64_t swept_us_ = -kForgetFlowUs;
  std::map<uint32_t, Person> people_;
  uint64_t uncounted_ = 0;
};

}  // namespace schoolgate::agent
