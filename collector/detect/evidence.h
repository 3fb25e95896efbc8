// One line of an alert's time line.
#pragma once

#include <string>

#include "collector/detect/act.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// Says "contacted host" or "tried to reach": a device cannot know more. The
// host of sealed material is in neither field.
v1::AlertEvidence EvidenceOf(const Act& act);

// "40 seconds", "2 minutes", "1 hour 5 minutes".
std::string InWords(absl::Duration duration);

}  // namespace schoolgate::collector
