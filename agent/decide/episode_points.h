// What each fact about a contact is worth: points that add up to a grade.
// The table of docs/detection.md; the words for its rows are the collector's.
#pragma once

#include <cstdint>

#include "proto/event.pb.h"

namespace schoolgate::agent {

// The facts of one moment at which a service was contacted anew.
struct MomentFacts {
  int64_t silence_us = 0;  // since the last other host of a browser
  bool one_hop = false;    // one other site just before, silence before it
  bool page_busy = false;  // another open page began to load just before
  uint32_t crowd = 0;      // other sites in the 3 s before
  uint32_t company = 0;    // other sites in the 4 s after
  bool front_door = false;
  bool unembedded = false;  // a site that no other site's page is known to
                            // bring in
  bool explained = false;   // a page contacted lately is known to bring it in
  uint32_t parallel = 0;    // connections to one name within 0.4 s
  uint32_t own_hosts = 0;   // different hosts of the service within 8 s
  bool connected = false;   // a connection to the service was made
  bool program = false;     // not a browser
  bool regular = false;     // one of a series at equal intervals
  uint64_t received_bytes = 0;  // within 30 s
  int64_t data_us = 0;          // from first to last data within 30 s
};

inline constexpr int64_t kSilenceUs = 800'000;
inline constexpr int64_t kLongSilenceUs = 1'500'000;
inline constexpr int64_t kAttemptSilenceUs = 2'000'000;
inline constexpr uint32_t kAttemptCompany = 2;
// Data for longer than a glance at a page that was not meant.
inline constexpr int64_t kDwellUs = 3'000'000;
inline constexpr int32_t kStrongHalfPoints = 4;
inline constexpr int32_t kUnclearHalfPoints = -2;

// Grades one moment: fills grade, half_points and evidence. What did not
// count is not listed.
void GradeMoment(const MomentFacts& facts, v1::Episode* episode);

// opened > attempt, landed > unclear > automatic.
int Rank(v1::Grade grade);

}  // namespace schoolgate::agent
