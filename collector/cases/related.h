// What other devices did with the hosts of an alert at the same time: a page
// that many had open, a lesson, or friends. A pure function.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "collector/store/event_store.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// As near as this to one of the alert's contacts is the same time.
inline constexpr absl::Duration kSameTime = absl::Minutes(10);
// More times than this are not looked at: the newest are.
inline constexpr size_t kMostTimes = 6;

struct TimeSpan {
  absl::Time from, to;
};

// Around the alert's contacts, joined where they meet, the newest first. Empty
// for illegal material: its hosts are known to nobody.
std::vector<TimeSpan> TimesOf(const v1::Alert& alert);

struct SameHost {
  std::set<std::string> devices;  // others than the alert's
  absl::Time first, last;
};

// By the alert's hosts. Events of the alert's own devices and person, of
// background programs and with locked screens do not count.
std::map<std::string, SameHost> OthersAt(const v1::Alert& alert,
                                         std::span<const StoredEvent> events);

// The hosts of `alert` that another alert has at the same time; empty for the
// alert itself, and for one about the same person or device.
std::vector<std::string> SharedHosts(const v1::Alert& alert,
                                     const v1::Alert& other);

}  // namespace schoolgate::collector
