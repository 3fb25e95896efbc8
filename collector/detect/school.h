// A small made-up school that tests let things happen in.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// Events in the order they happened; sequences are per device.
class School {
 public:
  // Tuesday 24 November 2026, 10:00 UTC.
  static absl::Time Start() { return absl::FromUnixSeconds(1795514400); }

  School& At(absl::Time time) {
    now_ = time;
    return *this;
  }
  School& After(absl::Duration gap) { return At(now_ + gap); }
  School& On(std::string device) {
    device_ = std::move(device);
    return *this;
  }
  // An empty pseudonym: nobody is known for certain.
  School& By(std::string pseudonym, std::string group = "pupils") {
    pseudonym_ = std::move(pseudonym);
    group_ = std::move(group);
    return *this;
  }

  School& Contact(const std::string& host, const std::string& category,
                  v1::Action action = v1::ACTION_BLOCK) {
    v1::Contact& contact = *Next().mutable_contact();
    contact.set_host(host);
    contact.add_categories(category);
    contact.set_action(action);
    contact.set_process(v1::PROCESS_KIND_BROWSER);
    return *this;
  }

  School& Episode(const std::string& service, const std::string& category,
                  v1::Grade grade, absl::Duration length = absl::Minutes(2)) {
    v1::Episode& episode = *Next().mutable_episode();
    episode.set_service(service);
    episode.set_front_host("www." + service);
    episode.set_category(category);
    episode.set_grade(grade);
    episode.set_action(grade == v1::GRADE_ATTEMPT ? v1::ACTION_BLOCK
                                                  : v1::ACTION_RECORD);
    episode.set_start_unix_us(absl::ToUnixMicros(now_));
    episode.set_end_unix_us(absl::ToUnixMicros(now_ + length));
    v1::Evidence* fact = episode.add_evidence();
    fact->set_fact("pause");
    fact->set_half_points(grade == v1::GRADE_AUTOMATIC ? -3 : 5);
    return *this;
  }

  School& Add(v1::Event event) {
    Next() = std::move(event);
    Stamp(events_.back());
    return *this;
  }

  std::vector<StoredEvent>& events() { return events_; }

 private:
  v1::Event& Next() {
    events_.emplace_back();
    StoredEvent& stored = events_.back();
    stored.school = "oak";
    stored.device = device_;
    stored.epoch = 7;
    stored.received = stored.happened = now_;
    Stamp(stored);
    return stored.event;
  }

  void Stamp(StoredEvent& stored) {
    v1::Event& event = stored.event;
    event.set_sequence(events_.size());
    event.set_time_unix_us(absl::ToUnixMicros(now_));
    event.mutable_person()->set_pseudonym(pseudonym_);
    event.mutable_person()->set_group(group_);
    event.mutable_person()->set_confidence(
        pseudonym_.empty() ? v1::CONFIDENCE_SHARED : v1::CONFIDENCE_CERTAIN);
  }

  absl::Time now_ = Start();
  std::string device_ = "D-1", pseudonym_ = "P-7F3AQ2", group_ = "pupils";
  std::vector<StoredEvent> events_;
};

}  // namespace schoolgate::collector
