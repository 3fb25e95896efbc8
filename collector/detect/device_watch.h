// Devices that went quiet, see nothing, were stopped or were tampered with,
// and tunnels that show only in a device's counters.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "collector/detect/finding.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

struct DeviceWatchOptions {
  // Not heard of for this long, counting school days only from eight to six:
  // a device that is switched off at night or over a weekend is not silent.
  absl::Duration silent_after = absl::Hours(10);
  absl::TimeZone zone = absl::UTCTimeZone();
};

// Not thread-safe.
class DeviceWatch {
 public:
  static constexpr size_t kMostDevices = 100'000;
  static constexpr size_t kMostTampers = 64;  // remembered, a device
  // An update has the agent back by then.
  static constexpr absl::Duration kRestart = absl::Seconds(20);

  explicit DeviceWatch(DeviceWatchOptions options) : options_(options) {}

  // Takes heartbeats, tamper, gap and self-test events; ignores others. Repeats
  // of the same event change nothing.
  void Add(const StoredEvent& event, std::vector<Finding>& out);

  void OnTick(absl::Time now, std::span<const Device> devices,
              std::vector<Finding>& out);

  uint64_t refused() const { return refused_; }

 private:
  struct Beat {
    absl::Time happened;
    std::string boot_id;
    int64_t boot_us = 0;
    v1::Heartbeat counters;
    uint64_t epoch = 0, sequence = 0;
  };
  struct Watched {
    std::deque<Beat> beats;  // by time, the last half hour
    std::set<std::tuple<uint64_t, uint64_t>> tampers;
    // The agent said that it was asked to end, and was not heard since.
    std::optional<StoredEvent> stopping;
    std::optional<StoredEvent> announced;  // the last such word
    absl::Time told_silent = absl::InfinitePast();
    absl::Time told_blind = absl::InfinitePast();
    absl::Time told_tunnel = absl::InfinitePast();
    std::string told_stale;  // how stale its rules were said to be
    std::string told_trouble;
  };

  static bool StartedAfter(const Beat& beat, const StoredEvent& event);
  void AddHeartbeat(const StoredEvent& event, Watched& watched,
                    std::vector<Finding>& out);
  void AddTamper(const StoredEvent& event, Watched& watched,
                 std::vector<Finding>& out);
  void LookForStop(const StoredEvent& event, const Beat& before,
                   const Beat& after,
                   const std::optional<StoredEvent>& announced,
                   std::vector<Finding>& out);
  void LookForBlindness(const StoredEvent& event, Watched& watched,
                        std::vector<Finding>& out);
  void LookForStaleRules(const StoredEvent& event, Watched& watched,
                         std::vector<Finding>& out);
  void LookForFailedTest(const StoredEvent& event, std::vector<Finding>& out);
  void TellStop(const StoredEvent& stop, std::vector<Finding>& out) const;
  void LookForTunnel(const StoredEvent& event, Watched& watched,
                     std::vector<Finding>& out);

  DeviceWatchOptions options_;
  std::map<std::string, Watched> devices_;
  uint64_t refused_ = 0;
};

// Time between the two that lies on a weekday between eight and six.
absl::Duration SchoolTimeBetween(absl::Time from, absl::Time to,
                                 absl::TimeZone zone);

}  // namespace schoolgate::collector
