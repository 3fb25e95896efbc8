// Events in, findings out: the collector's whole detection.
#pragma once

#include <iterator>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "collector/detect/account_watch.h"
#include "collector/detect/device_watch.h"
#include "collector/detect/finding.h"
#include "collector/detect/hours_watch.h"
#include "collector/detect/ledger.h"
#include "collector/policy/school_policies.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

struct DetectorOptions {
  absl::TimeZone zone = absl::UTCTimeZone();      // the schools'
  absl::Duration silent_after = absl::Hours(10);  // of school time
  // Whose thresholds hold; null: this program's own. Outlives the detector.
  const SchoolPolicies* policies = nullptr;
  // Whose device is whose; null: no device is anybody's own. Outlives it too.
  DeviceOwners* owners = nullptr;
};

// Not thread-safe. What it knows is rebuilt by giving it the stored events of
// the last kHistory again, in any order; what it then finds again is the same
// and changes no alert.
class Detector {
 public:
  static constexpr absl::Duration kHistory = Ledger::kKeep;

  explicit Detector(DetectorOptions options = {});

  // Findings new or changed by these events. Judged by when things happened,
  // not by when they arrived or in which order. Once from a device came a
  // graded episode, its bare contacts count no more (those of the locked
  // lists always do).
  std::vector<Finding> OnEvents(std::span<const StoredEvent> events,
                                absl::Time now);

  // About once a minute.
  std::vector<Finding> OnTick(absl::Time now, std::span<const Device> devices);

  // Events and devices that a limit made it ignore.
  uint64_t refused() const {
    return ledger_.refused() + watch_.refused() + accounts_.refused() +
           hours_.refused();
  }

 private:
  Ledger ledger_;
  DeviceWatch watch_;
  AccountWatch accounts_;
  HoursWatch hours_;
  const SchoolPolicies* policies_;
};

}  // namespace schoolgate::collector
