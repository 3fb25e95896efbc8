// Computers of the pupils' rooms that somebody uses when the school is shut.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "collector/detect/finding.h"
#include "collector/detect/shared_text.h"
#include "collector/policy/school_policies.h"
#include "collector/policy/thresholds.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// Not thread-safe. Tells only what a school's policy asks for (a threshold
// about `out-of-hours`), and only of contacts that the policy reports: of
// anything else no event leaves a device. The order in which events are added
// does not matter, and one added twice counts once.
class HoursWatch {
 public:
  static constexpr absl::Duration kOneSitting = absl::Hours(1);
  static constexpr size_t kMostUses = 256;  // of a device; the newest
  static constexpr size_t kMostDevices = 100'000;

  explicit HoursWatch(const SchoolPolicies* policies) : policies_(policies) {}

  void Add(const StoredEvent& event);

  // Sittings new or grown since the last call. The devices' groups are those
  // of now; a device of the staff is nobody's business in the evening.
  void OnTick(std::span<const Device> devices, std::vector<Finding>& out);

  void Forget(absl::Time before);

  uint64_t refused() const { return refused_; }

 private:
  struct Use {
    absl::Time time;
    uint64_t epoch = 0, sequence = 0;
    SharedText person;  // empty: not certain who
    SharedText group, host;

    bool operator<(const Use& other) const {
      return std::tie(time, epoch, sequence) <
             std::tie(other.time, other.epoch, other.sequence);
    }
  };
  using DeviceId = std::pair<std::string, std::string>;  // school, device
  using Sitting = std::vector<const Use*>;               // by time

  static Finding About(const DeviceId& id, const Device& device,
                       const Sitting& sitting, const OpenHours& hours);
  void TellIfNew(const DeviceId& id, Finding finding,
                 std::vector<Finding>& out);
  void Judge(const DeviceId& id, const Device& device,
             const v1::CompiledPolicy& policy, const OpenHours& hours,
             std::vector<Finding>& out);

  const SchoolPolicies* policies_;
  std::map<DeviceId, std::set<Use>> devices_;
  std::set<DeviceId> touched_;
  std::map<DeviceId, std::map<std::string, std::string>> told_;  // by key
  uint64_t refused_ = 0;
};

}  // namespace schoolgate::collector
