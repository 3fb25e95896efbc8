#include "collector/feed/detection.h"

#include "collector/fleet/journal.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kPage = 4096;
constexpr absl::Duration kRetry = absl::Seconds(5);

}  // namespace

Detection::Detection(EventStore& events, DeviceStore& devices, CaseBook& cases,
                     DetectorOptions options, const platform::Clock& clock)
    : events_(events),
      devices_(devices),
      cases_(cases),
      detector_(std::move(options)),
      clock_(clock),
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
  const absl::StatusOr<uint64_t> start =
      events_.CursorAt(clock_.Now() - Detector::kHistory);
  if (start.ok()) cursor_ = *start;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!woken_) {
      wanted_.wait_for(lock, absl::ToChronoSeconds(kRetry),
                       [this] { return woken_ || stopping_; });
    }
    if (stopping_) return;
    woken_ = false;
    lock.unlock();
    const bool more = ReadOn();
    if (!more) caught_up_ = true;
    Tick();
    lock.lock();
    woken_ = woken_ || more;
  }
}

// True when there may be more to read at once.
bool Detection::ReadOn() {
  if (!Apply()) return false;
  uint64_t next = cursor_;
  const absl::StatusOr<std::vector<StoredEvent>> page =
      events_.ReadAfter(cursor_, kPage, &next);
  if (!page.ok()) {
    Log(Level::kError, "detection_cannot_read",
        {{"why", std::string(page.status().message())}});
    return false;
  }
  if (page->empty()) return false;
  pending_ = detector_.OnEvents(*page, clock_.Now());
  cursor_ = next;
  return Apply() && page->size() == kPage;
}

void Detection::Tick() {
  const absl::Time now = clock_.Now();
  if (!caught_up_ || absl::AbsDuration(now - last_tick_) < kTick) return;
  last_tick_ = now;
  const absl::StatusOr<std::vector<Device>> devices = devices_.All("");
  if (!devices.ok() || !pending_.empty()) return;
  pending_ = detector_.OnTick(now, *devices);
  Apply();
}

bool Detection::Apply() {
  if (pending_.empty()) return true;
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
         {"device", alert.device()}});
  }
  return true;
}

}  // namespace schoolgate::collector
