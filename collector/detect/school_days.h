// Distance in school days: a Friday and the Monday after are one apart.
#pragma once

#include "absl/time/time.h"

namespace schoolgate::collector {

// Weekdays after the day of `from` up to and including the day of `to`, in
// the school's time zone; 0 when `to` is not later. Holidays are not known.
int SchoolDaysBetween(absl::Time from, absl::Time to, absl::TimeZone zone);

}  // namespace schoolgate::collector
