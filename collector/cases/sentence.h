// A finding in plain words. Every number in them is counted from the alert's
// stored evidence.
#pragma once

#include "absl/time/time.h"
#include "collector/detect/finding.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// Fills title, sentence, why, in_favour and next_step from the finding and
// from the alert's own evidence, times, subject and device.
void PutInWords(const Finding& finding, absl::TimeZone zone, v1::Alert* alert);

}  // namespace schoolgate::collector
