// Stored events to alerts, for as long as the collector runs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "collector/cases/case_book.h"
#include "collector/detect/detector.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"
#include "platform/clock.h"

namespace schoolgate::collector {

// The schools that this collector answers for now. Called by detection's
// thread, every few seconds and before alerts are stored.
using SchoolDuty = std::function<std::set<std::string>()>;

// Reads the store from Detector::kHistory ago at start and on from there: an
// event is looked at again after any crash, and the same findings change no
// alert. Its own thread. Borrows all for life. With a SchoolDuty only the
// schools it names are looked at, a new one from kHistory ago.
class Detection {
 public:
  static constexpr absl::Duration kTick = absl::Seconds(20);
  static constexpr absl::Duration kDutyEvery = absl::Seconds(2);

  Detection(EventStore& events, DeviceStore& devices, CaseBook& cases,
            DetectorOptions options, const platform::Clock& clock,
            SchoolDuty duty = nullptr);
  ~Detection();

  // Events were stored. Any thread; returns at once.
  void Wake();

  // True once all that was stored before the start has been looked at.
  bool caught_up() const { return caught_up_; }

  // How many schools are looked at here; -1: all, with nobody else.
  int64_t schools_held() const { return schools_held_; }

  void Stop();

 private:
  void Run();
  void BeginAnew();
  // False: this is not the collector for some of them any more.
  bool OnDuty();
  bool ReadOn();
  void Tick();
  // False: the alerts could not be stored; the findings wait in pending_.
  bool Apply();

  EventStore& events_;
  DeviceStore& devices_;
  CaseBook& cases_;
  const DetectorOptions options_;
  std::unique_ptr<Detector> detector_;
  const platform::Clock& clock_;
  const SchoolDuty duty_;
  std::optional<std::set<std::string>> schools_;  // none: all
  absl::Duration duty_asked_;
  std::vector<Finding> pending_;
  uint64_t cursor_ = 0;
  bool begun_anew_ = false;
  absl::Time last_tick_ = absl::InfinitePast();
  std::atomic<bool> caught_up_{false};
  std::atomic<int64_t> schools_held_{-1};

  std::mutex mutex_;
  std::condition_variable wanted_;
  bool woken_ = true;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace schoolgate::collector
