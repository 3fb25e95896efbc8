#include "tests/browser/sample_alerts.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "collector/cases/case_book.h"
#include "collector/detect/detector.h"
#include "tests/browser/sample_school.h"

namespace schoolgate::collector {
namespace {

using absl::Hours;
using absl::Minutes;

struct Who {
  std::string alias, group, device;
};

constexpr std::pair<const char*, const char*> kDevices[] = {
    {"D-4KQ7X2M9", "laptop-12"}, {"D-7HW3N5RB", "laptop-03"},
    {"D-2TC9V6JX", "laptop-30"}, {"D-8MN2P4QT", "laptop-21"},
    {"D-6ZB4K8FD", "laptop-02"}, {"D-5RY7G3QM", "laptop-05"}};

std::string NameOfDevice(const std::string& id) {
  for (const auto& [known, name] : kDevices) {
    if (id == known) return name;
  }
  return id;
}

// What one device sent, in order.
class Sent {
 public:
  explicit Sent(Who who) : who_(std::move(who)) {}

  v1::Event& At(absl::Time time) {
    StoredEvent& stored = events_.emplace_back();
    stored.school = kSampleSchool;
    stored.device = who_.device;
    stored.epoch = 7;
    stored.received = stored.happened = time;
    stored.event.set_sequence(events_.size());
    stored.event.set_time_unix_us(absl::ToUnixMicros(time));
    v1::Person& person = *stored.event.mutable_person();
    person.set_pseudonym(who_.alias);
    person.set_group(who_.group);
    person.set_confidence(v1::CONFIDENCE_CERTAIN);
    return stored.event;
  }

  // `facts`: what the device counted towards it, strongest first.
  v1::Episode& Episode(absl::Time time, const std::string& host,
                       const std::string& category, v1::Grade grade,
                       const std::vector<std::string>& facts) {
    v1::Episode& episode = *At(time).mutable_episode();
    episode.set_service(host);
    episode.set_front_host(host);
    episode.set_category(category);
    episode.set_grade(grade);
    episode.set_action(grade == v1::GRADE_ATTEMPT ? v1::ACTION_BLOCK
                                                  : v1::ACTION_RECORD);
    episode.set_start_unix_us(absl::ToUnixMicros(time));
    episode.set_end_unix_us(absl::ToUnixMicros(
        time + (grade == v1::GRADE_OPENED ? Minutes(2) : absl::Seconds(1))));
    int points = 6;
    for (const std::string& fact : facts) {
      v1::Evidence& row = *episode.add_evidence();
      row.set_fact(fact);
      row.set_half_points(points--);
    }
    return episode;
  }

  const std::vector<StoredEvent>& events() const { return events_; }

 private:
  Who who_;
  std::vector<StoredEvent> events_;
};

// The one alert that these findings make.
absl::StatusOr<v1::Alert> Raise(const std::vector<Finding>& findings,
                                absl::Time raised, const SampleBook& book) {
  CaseBook cases(book.alerts, {SampleZone(), NameOfDevice, book.policies});
  auto alerts = cases.Apply(findings, raised);
  if (!alerts.ok()) return alerts.status();
  if (alerts->size() != 1) {
    return absl::InternalError(
        absl::StrCat("a sample makes ", alerts->size(), " alerts, not one"));
  }
  return alerts->front();
}

absl::StatusOr<v1::Alert> Raise(const Sent& sent, absl::Time raised,
                                const SampleBook& book) {
  Detector detector({.zone = SampleZone()});
  return Raise(detector.OnEvents(sent.events(), raised), raised, book);
}

absl::Status Gambling(absl::Time now, const SampleBook& book) {
  Sent sent({"P-7F3AQ2", "ks2", "D-4KQ7X2M9"});
  for (int i = 0; i < 5; ++i) {
    const bool spin = i % 2 == 1;
    sent.Episode(now - Minutes(50 - 8 * i),
                 spin ? "spin.example.test" : "bets.example.test", "gambling",
                 v1::GRADE_ATTEMPT,
                 spin ? std::vector<std::string>{"pause", "hop"}
                      : std::vector<std::string>{"pause"})
        .set_clause("P0, user actions: \"On-line gambling\", unacceptable");
  }
  return Raise(sent, now - Minutes(12), book).status();
}

absl::Status Welfare(absl::Time now, const SampleBook& book) {
  Sent sent({"P-K2M9D4", "ks2", "D-7HW3N5RB"});
  for (const int ago : {46, 32}) {
    sent.Episode(now - Minutes(ago), "harm.example.test", "self-harm",
                 v1::GRADE_ATTEMPT, {"pause", "quiet"});
  }
  return Raise(sent, now - Minutes(31), book).status();
}

absl::Status Locked(absl::Time now, const SampleBook& book) {
  Sent sent({"P-9ZT4C1", "guest", "D-2TC9V6JX"});
  v1::Contact& contact = *sent.At(now - Hours(2)).mutable_contact();
  contact.add_categories("child-abuse");
  contact.set_locked(true);
  contact.set_action(v1::ACTION_BLOCK);
  contact.set_process(v1::PROCESS_KIND_BROWSER);
  const auto alert = Raise(sent, now - Hours(2), book);
  if (!alert.ok()) return alert.status();
  // A host that should never have been stored: it must not come out.
  return book.alerts
      .Update(alert->id(),
              [](v1::Alert* stored) {
                v1::AlertEvidence& line = *stored->mutable_evidence(0);
                line.set_host("sealed-host.example.test");
                line.set_sentence("Contacted host sealed-host.example.test.");
                return absl::OkStatus();
              })
      .status();
}

// Not heard from since the afternoon of the school day before yesterday.
absl::Status SilentDevice(absl::Time now, const SampleBook& book) {
  Device device;
  device.id = "D-8MN2P4QT";
  device.school = kSampleSchool;
  device.group = "ks2";
  device.last_contact = device.heartbeat_time =
      SchoolTime(SchoolTime(now - Hours(24)) - Hours(24)) + Hours(4);
  device.heartbeat.set_capturing(true);
  Detector detector({.zone = SampleZone()});
  return Raise(detector.OnTick(now - Hours(3), {{device}}), now - Hours(3),
               book)
      .status();
}

absl::Status AboutTheHead(absl::Time now, const SampleBook& book) {
  Sent sent({"P-HEAD00", "staff", "D-6ZB4K8FD"});
  const absl::Time before = SchoolTime(now - Hours(24));
  for (const absl::Time time :
       {before - Hours(1), before, now - Hours(3) - Minutes(4)}) {
    sent.Episode(time, "www.shop.example.test", "shopping", v1::GRADE_OPENED,
                 {"pause", "companions"});
  }
  return Raise(sent, now - Hours(3), book).status();
}

absl::Status Closed(absl::Time today, const SampleBook& book) {
  const absl::Time now = SchoolTime(today - Hours(24));
  Sent sent({"P-3JX8VB", "ks2", "D-4KQ7X2M9"});
  for (const int ago : {25, 3}) {
    sent.Episode(now - Hours(2) - Minutes(ago), "tunnel.example.test", "bypass",
                 v1::GRADE_ATTEMPT, {"pause", "name"});
  }
  const auto alert = Raise(sent, now - Hours(2), book);
  if (!alert.ok()) return alert.status();
  return book.alerts
      .Update(alert->id(),
              [&](v1::Alert* stored) {
                stored->set_state(v1::ALERT_STATE_CLOSED);
                v1::IncidentEntry& entry = *stored->mutable_incident();
                entry.set_outcome("handled");
                entry.set_action_taken("Spoke with the pupil.");
                entry.set_recorded_by("lead");
                entry.set_recorded_unix_us(absl::ToUnixMicros(now - Hours(1)));
                return absl::OkStatus();
              })
      .status();
}

}  // namespace

absl::Status RaiseSampleAlerts(absl::Time now, const SampleBook& book) {
  for (const auto& raise :
       {Gambling, Welfare, Locked, SilentDevice, AboutTheHead, Closed}) {
    if (absl::Status raised = raise(now, book); !raised.ok()) return raised;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Alert> RaiseLiveAlert(absl::Time now, int number,
                                         const SampleBook& book) {
  Sent sent({absl::StrCat("P-LIVE", number), "ks2", "D-4KQ7X2M9"});
  sent.Episode(now - Minutes(2), "fights.example.test", "violence",
               v1::GRADE_OPENED, {"pause"});
  return Raise(sent, now, book);
}

absl::Status RaiseSampleRequest(absl::Time now, const SampleBook& book) {
  Sent sent({"P-TEACH1", "staff", "D-5RY7G3QM"});
  v1::SelfReport& report = *sent.At(now - Minutes(51)).mutable_self_report();
  report.set_kind(v1::SelfReport::KIND_SHOULD_OPEN);
  report.set_host("www.coolmath4kids.com");
  report.set_words(
      "lesson pass for ks2: www.coolmath4kids.com www.roblox.com: fractions in "
      "year 5");
  return Raise(sent, now - Minutes(50), book).status();
}

}  // namespace schoolgate::collector
