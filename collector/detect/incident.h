// From what one person did in one category to incidents worth telling: a pure
// function, so that late, repeated or re-ordered events change nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "collector/detect/act.h"
#include "collector/detect/tier.h"
#include "collector/policy/thresholds.h"
#include "proto/alert.pb.h"

namespace schoolgate::collector {

// At most this many acts are counted in one incident; the words then say
// "or more".
inline constexpr size_t kMostActsInIncident = 100;

struct Incident {
  v1::Severity severity = v1::SEVERITY_UNSPECIFIED;
  std::vector<Act> acts;    // counted, by time
  std::vector<Act> landed;  // seen beside them, never counted
  bool by_landing = false;  // without one of these it would not be told
  bool thin = false;        // told in the daily digest, no alert yet
};

// The acts of one key, in any order. Acts that are automatic or unclear are
// ignored; short landings are context.
//
// illegal: any one act. serious: one opened, or two attempts; one attempt is
// a rule break. rule break: two. routine: three attempts, or three of any
// kind in two different hours, of which one may be a landing where two were
// opened; one that stands by a landing, or has fewer than six on one day alone,
// is thin. Repeats on one service count when 60 s apart,
// at most four a day, and a (page, service) pair counts once. Bare contacts
// count only when blocked and paced like a person's, and need one more.
//
// With the school's own threshold, that number decides in place of the above:
// below it nothing is told, reached within its time it is told at the tier's
// severity, reached over five school days one severity lower. What was opened
// in a serious category is always told, and so is illegal material.
std::vector<Incident> FindIncidents(
    std::vector<Act> acts, Tier tier, absl::TimeZone zone,
    const std::optional<Repeats>& by_policy = std::nullopt);

// The acts of the first time in which the sites carried so many bytes; empty:
// they did not.
std::vector<Act> FindTransfer(std::vector<Act> acts, const Transfer& transfer);

}  // namespace schoolgate::collector
