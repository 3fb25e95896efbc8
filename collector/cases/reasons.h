// Why a device counted each contact of an alert: said once where all of them
// give the same.
#pragma once

#include <string>
#include <vector>

#include "proto/alert.pb.h"

namespace schoolgate::collector {

// What every line of the alert gives as a reason, in the first one's order.
// Empty with a single line, and where a line gives none.
std::vector<std::string> SharedReasons(const v1::Alert& alert);

// The line's sentence without these.
std::string SentenceWithout(const v1::AlertEvidence& line,
                            const std::vector<std::string>& reasons);

}  // namespace schoolgate::collector
