#include "agent/health/incidents.h"

#include <utility>

namespace schoolgate::agent {

void Incidents::Tamper(std::string_view kind, std::string_view detail) {
  v1::Event event;
  event.set_lane(v1::LANE_URGENT);
  event.mutable_tamper()->set_kind(std::string(kind));
  event.mutable_tamper()->set_detail(std::string(detail));
  Remember(kind);
  Tell(std::move(event));
}

v1::Event Incidents::MakeTest(std::string_view what, bool passed,
                              std::string_view detail) const {
  v1::Event event;
  v1::SelfTest& test = *event.mutable_self_test();
  test.set_what(std::string(what));
  test.set_passed(passed);
  test.set_detail(std::string(detail));
  test.set_place(place_);
  return event;
}

void Incidents::SelfTest(std::string_view what, bool passed,
                         std::string_view detail) {
  v1::Event event = MakeTest(what, passed, detail);
  event.set_lane(passed ? v1::LANE_ROUTINE : v1::LANE_URGENT);
  if (!passed) Remember(what);
  Tell(std::move(event));
}

void Incidents::Notice(std::string_view what, std::string_view detail) {
  v1::Event event = MakeTest(what, true, detail);
  event.set_lane(v1::LANE_URGENT);
  Remember(what);
  Tell(std::move(event));
}

void Incidents::SendTo(EventSink* sink) {
  sink_ = sink;
  if (sink_ == nullptr) return;
  for (v1::Event& event : waiting_) sink_->Emit(std::move(event));
  waiting_.clear();
}

void Incidents::Remember(std::string_view kind) {
  latest_.emplace_back(kind);
  if (latest_.size() > kMaxLatest) latest_.pop_front();
}

void Incidents::Tell(v1::Event event) {
  event.set_time_unix_us(absl::ToUnixMicros(clock_.Now()));
  if (sink_ != nullptr) {
    sink_->Emit(std::move(event));
  } else if (waiting_.size() < kMaxWaiting) {
    waiting_.push_back(std::move(event));
  }
}

}  // namespace schoolgate::agent
