// One thing that somebody, or something, did on a device: an episode as the
// device graded it, or a bare contact when no episode is known.
#pragma once

#include <cstdint>
#include <tuple>

#include "absl/time/time.h"
#include "collector/detect/shared_text.h"
#include "proto/event.pb.h"

namespace schoolgate::collector {

struct Act {
  absl::Time start;
  absl::Time end;
  absl::Time received;
  SharedText device;
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  SharedText host;     // empty for sealed ones
  SharedText service;  // registrable name, or the host of a contact
  SharedText clause;
  SharedText group;
  SharedText why;  // facts that led to the grade, in plain words
  v1::Grade grade = v1::GRADE_UNSPECIFIED;  // unspecified: a bare contact
  v1::Action action = v1::ACTION_UNSPECIFIED;
  int32_t half_points = 0;
  uint32_t contacts = 1;
  uint64_t bytes = 0;  // both ways
  uint64_t page_hash = 0;
  bool label = false;     // known by its bytes, not by a name
  bool reported = false;  // the person said so themselves

  auto Identity() const { return std::tie(device, epoch, sequence); }

  // Total order that does not depend on the order of arrival.
  bool operator<(const Act& other) const {
    return std::tie(start, device, epoch, sequence) <
           std::tie(other.start, other.device, other.epoch, other.sequence);
  }
};

}  // namespace schoolgate::collector
