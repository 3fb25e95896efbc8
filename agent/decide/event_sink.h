// Where events go when the device has something to report: the spool, or a
// test's list.
#pragma once

#include "proto/event.pb.h"

namespace schoolgate::agent {

class EventSink {
 public:
  virtual ~EventSink() = default;

  // The sink fills sequence and boot fields. Never fails for the caller: what
  // cannot be kept is counted and reported by a gap.
  //
  // Until then `sequence` may hold a number of the caller's own, by which a
  // later SelfReport in the same lane speaks of this event (about_sequence):
  // the sink puts the real one in the place of both.
  virtual void Emit(v1::Event event) = 0;
};

}  // namespace schoolgate::agent
