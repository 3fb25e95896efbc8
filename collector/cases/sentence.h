// A finding in plain words. Every number in them is counted from the alert's
// stored evidence.
#pragma once

#include "absl/time/time.h"
#include "collector/detect/finding.h"
#include "proto/alert.pb.h"
#include "proto/policy.pb.h"

namespace schoolgate::collector {

// Fills title, sentence, why, in_favour and next_step from the finding and
// from the alert's own evidence, times, subject and device. `policy`: the
// school's, for what is to be done next; null where none is published.
void PutInWords(const Finding& finding, absl::TimeZone zone,
                const v1::CompiledPolicy* policy, v1::Alert* alert);

}  // namespace schoolgate::collector
