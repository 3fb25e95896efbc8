// Trouble that comes to several devices of a school at the same time has one
// cause more often than several: one alert names them all.
#pragma once

#include <set>
#include <string>

#include "absl/time/time.h"
#include "collector/detect/finding.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// Findings with the same key are one alert within so many school days.
inline constexpr int kMergeDays = 2;

// Whether it is trouble of that kind. Its evidence has one line for each time.
bool MayShareAlert(const Finding& finding);

// Whether the alert tells of the same trouble at about the same time, as far
// as that shows without its evidence.
bool MayBelong(const Finding& finding, const v1::Alert& alert,
               absl::TimeZone zone);

// Whether it does. `alert` is whole.
bool Belongs(const Finding& finding, const v1::Alert& alert);

// The finding as one of those that the alert has: what it is known by stays
// that of its first device, its time is that of all. Others come back as they
// are.
Finding AsPartOf(const v1::Alert& alert, Finding finding);

std::set<std::string> DevicesOf(const v1::Alert& alert);

}  // namespace schoolgate::collector
