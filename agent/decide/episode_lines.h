// Graded episodes as JSON lines: what `replay --episodes` prints.
#pragma once

#include <string>

#include "agent/decide/event_sink.h"

namespace schoolgate::agent {

// Appends each event as one line of JSON, fields by their names in
// proto/event.proto, to a string that it borrows.
class EpisodeLines : public EventSink {
 public:
  explicit EpisodeLines(std::string* lines) : lines_(*lines) {}

  void Emit(v1::Event event) override;

 private:
  std::string& lines_;
  uint64_t sequence_ = 0;
};

}  // namespace schoolgate::agent
