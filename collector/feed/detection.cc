#include "collector/feed/detection.h"

#include <utility>

#include "collector/fleet/journal.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPage = 4096;
constexpr absl::Duration kRetry = absl::Seconds(5);

}  // namespace

Detection::Detection(EventStore& events, DeviceStore& devices, CaseBook& cases,
                     DetectorOptions options, const platform::Clock& clock,
                     SchoolDuty duty)
    : events_(events),
      devices_(devices),
      cases_(cases),
      options_(std::move(options)),
      clock_(clock),
      duty_(std::move(duty)),
      thread_([this] { Run(); }) {}

Detection::~Detection() { Stop(); }

void Detection::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wanted_.notify_one();
}

void Detection::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Detection::Run() {
  if (duty_ == nullptr) BeginAnew();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!woken_) {
      wanted_.wait_for(lock, absl::ToChronoSeconds(duty_ ? kDutyEvery : kRetry),
                       [this] { return woken_ || stopping_; });
    }
    if (stopping_) return;
    woken_ = false;
    lock.unlock();
    const absl::Duration up = clock_.SinceBoot();
    if (duty_ && (!schools_ || up - duty_asked_ >= kDutyEvery)) (void)OnDuty();
    const bool more = ReadOn() || std::exchange(begun_anew_, false);
    if (!more) caught_up_ = true;
    Tick();
    lock.lock();
    woken_ = woken_ || more;
  }
}

void Detection::BeginAnew() {
  detector_ = std::make_unique<Detector>(options_);
  pending_.clear();
  caught_up_ = false;
  begun_anew_ = true;
  const absl::StatusOr<uint64_t> start =
      events_.CursorAt(clock_.Now() - Detector::kHistory);
  cursor_ = start.ok() ? *start : 0;
}

bool Detection::OnDuty() {
  if (duty_ == nullptr) return true;
  std::set<std::string> now = duty_();
  duty_asked_ = clock_.SinceBoot();
  if (schools_ == now) return true;
  Log(Level::kNotice, "schools_held",
      {{"schools", std::to_string(now.size())}});
  schools_held_ = static_cast<int64_t>(now.size());
  schools_ = std::move(now);
  BeginAnew();
  return false;
}

// True when there may be more to read at once.
bool Detection::ReadOn() {
  if (detector_ == nullptr || !Apply()) return false;
  if (schools_ && schools_->empty()) return false;
  uint64_t next = cursor_;
  absl::StatusOr<std::vector<StoredEvent>> page =
      events_.ReadAfter(cursor_, kPage, &next);
  if (!page.ok()) {
    Log(Level::kError, "detection_cannot_read",
        {{"why", std::string(page.status().message())}});
    return false;
  }
  if (page->empty()) return false;
  const bool whole = page->size() == kPage;
  if (schools_) {
    std::erase_if(*page, [this](const StoredEvent& event) {
      return !schools_->contains(event.school);
    });
  }
  pending_ = detector_->OnEvents(*page, clock_.Now());
  cursor_ = next;
  return Apply() && whole;
}

void Detection::Tick() {
  const absl::Time now = clock_.Now();
  if (detector_ == nullptr || !caught_up_ ||
      absl::AbsDuration(now - last_tick_) < kTick)
    return;
  last_tick_ = now;
  absl::StatusOr<std::vector<Device>> devices = devices_.All("");
  if (!devices.ok() || !pending_.empty()) return;
  if (schools_) {
    std::erase_if(*devices, [this](const Device& device) {
      return !schools_->contains(device.school);
    });
  }
  pending_ = detector_->OnTick(now, *devices);
  Apply();
}

bool Detection::Apply() {
  if (pending_.empty()) return true;
  if (!OnDuty()) return true;  // begun anew: nothing is pending
  const absl::StatusOr<std::vector<v1::Alert>> changed =
      cases_.Apply(pending_, clock_.Now());
  if (!changed.ok()) {
    Log(Level::kError, "alert_not_stored",
        {{"why", std::string(changed.status().message())}});
    return false;
  }
  pending_.clear();
  for (const v1::Alert& alert : *changed) {
    Log(Level::kNotice, "alert",
        {{"id", std::to_string(alert.id())},
         {"rule", alert.rule()},
         {"severity", std::to_string(alert.severity())},
         {"device", alert.device()},
         {"trace", alert.trace_id()}});
  }
  return true;
}

}  // namespace schoolgate::collector
