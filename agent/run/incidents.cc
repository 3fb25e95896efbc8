#include "agent/run/incidents.h"

#include <utility>

namespace schoolgate::agent {

void Incidents::Tamper(std::string_view kind, std::string_view detail) {
  v1::Event event;
  event.mutable_tamper()->set_kind(std::string(kind));
  event.mutable_tamper()->set_detail(std::string(detail));
  Tell(std::move(event), kind);
}

void Incidents::SelfTest(std::string_view what, bool passed,
                         std::string_view detail) {
  v1::Event event;
  event.mutable_self_test()->set_what(std::string(what));
  event.mutable_self_test()->set_passed(passed);
  event.mutable_self_test()->set_detail(std::string(detail));
  Tell(std::move(event), what);
}

void Incidents::SendTo(EventSink* sink) {
  sink_ = sink;
  if (sink_ == nullptr) return;
  for (v1::Event& event : waiting_) sink_->Emit(std::move(event));
  waiting_.clear();
}

void Incidents::Tell(v1::Event event, std::string_view kind) {
  event.set_time_unix_us(absl::ToUnixMicros(clock_.Now()));
  event.set_lane(v1::LANE_URGENT);
  latest_.emplace_back(kind);
  if (latest_.size() > kMaxLatest) latest_.pop_front();
  if (sink_ != nullptr) {
    sink_->Emit(std::move(event));
  } else if (waiting_.size() < kMaxWaiting) {
    waiting_.push_back(std::move(event));
  }
}

}  // namespace schoolgate::agent
