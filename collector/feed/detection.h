// Stored events to alerts, for as long as the collector runs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "collector/cases/case_book.h"
#include "collector/detect/detector.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"
#include "platform/clock.h"

namespace schoolgate::collector {

// Reads the store from Detector::kHistory ago at start and on from there: an
// event is looked at again after any crash, and the same findings change no
// alert. Its own thread. Borrows all for life.
class Detection {
 public:
  static constexpr absl::Duration kTick = absl::Seconds(20);

  Detection(EventStore& events, DeviceStore& devices, CaseBook& cases,
            DetectorOptions options, const platform::Clock& clock);
  ~Detection();

  // Events were stored. Any thread; returns at once.
  void Wake();

  // True once all that was stored before the start has been looked at.
  bool caught_up() const { return caught_up_; }

  void Stop();

 private:
  void Run();
  bool ReadOn();
  void Tick();
  // False: the alerts could not be stored; the findings wait in pending_.
  bool Apply();

  EventStore& events_;
  DeviceStore& devices_;
  CaseBook& cases_;
  Detector detector_;
  const platform::Clock& clock_;
  std::vector<Finding> pending_;
  uint64_t cursor_ = 0;
  absl::Time last_tick_ = absl::InfinitePast();
  std::atomic<bool> caught_up_{false};

  std::mutex mutex_;
  std::condition_variable wanted_;
  bool woken_ = true;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace schoolgate::collector
