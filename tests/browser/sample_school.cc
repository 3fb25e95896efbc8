#include "tests/browser/sample_school.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr std::pair<const char*, const char*> kPeople[] = {
    {"P-7F3AQ2", "a.khan"}, {"P-K2M9D4", "b.ward"}, {"P-HEAD00", "r.okafor"}};

}  // namespace

absl::TimeZone SampleZone() {
  absl::TimeZone zone = absl::UTCTimeZone();
  (void)absl::LoadTimeZone("Europe/London", &zone);
  return zone;
}

std::string SampleAlias(const std::string& login) {
  for (const auto& [alias, name] : kPeople) {
    if (login == name) return alias;
  }
  return "P-NOBODY";
}

std::vector<StoredEvent> SamplePeople(absl::Time now, const seal::BoxKey& key) {
  std::vector<StoredEvent> events;
  for (const auto& [alias, login] : kPeople) {
    StoredEvent& seen = events.emplace_back();
    seen.school = kSampleSchool;
    seen.device = "D-4KQ7X2M9";
    seen.epoch = 1;
    seen.received = seen.happened = now - absl::Hours(1);
    seen.event.set_sequence(events.size());
    seen.event.mutable_person()->set_pseudonym(alias);
    v1::PersonSeen& person = *seen.event.mutable_person_seen();
    person.set_sealed_login(*seal::SealTo(key.public_key(), login));
    person.set_safeguarding_key_id(seal::KeyId(key.public_key()));
  }
  // What stands in the record of the first one.
  StoredEvent tried = events.front();
  tried.event.clear_person_seen();
  tried.event.set_sequence(events.size() + 1);
  v1::Contact& contact = *tried.event.mutable_contact();
  contact.set_host("bets.example.test");
  contact.add_categories("gambling");
  contact.set_action(v1::ACTION_BLOCK);
  events.push_back(std::move(tried));
  return events;
}

std::vector<StoredEvent> SampleOthers(absl::Time now) {
  std::vector<StoredEvent> events;
  for (int i = 1; i <= 4; ++i) {
    StoredEvent& one = events.emplace_back();
    one.school = kSampleSchool;
    one.device = absl::StrCat("D-00000", i, "QT");
    one.epoch = 1;
    one.received = one.happened = now - absl::Minutes(40 + i);
    one.event.set_sequence(1);
    one.event.mutable_person()->set_pseudonym(absl::StrCat("P-OTHER", i));
    one.event.mutable_person()->set_group(i < 4 ? "ks2" : "staff");
    v1::Contact& contact = *one.event.mutable_contact();
    contact.set_host("bets.example.test");
    contact.add_categories("gambling");
    contact.set_action(v1::ACTION_BLOCK);
  }
  return events;
}

std::vector<StoredEvent> SampleOwnContacts(absl::Time now) {
  std::vector<StoredEvent> events;
  for (const char* host : {"www.shop.example.test", "deals.example.test"}) {
    StoredEvent& one = events.emplace_back();
    one.school = kSampleSchool;
    one.device = "D-000005QT";
    one.epoch = 1;
    one.received = one.happened =
        now - absl::Hours(1) * static_cast<int64_t>(events.size());
    one.event.set_sequence(events.size());
    one.event.mutable_person()->set_pseudonym("P-LEAD00");
    v1::Contact& contact = *one.event.mutable_contact();
    contact.set_host(host);
    contact.add_categories("shopping");
    contact.set_action(v1::ACTION_BLOCK);
  }
  // How the device took the second.
  StoredEvent taken = events.back();
  taken.event.set_sequence(3);
  v1::Episode& episode = *taken.event.mutable_episode();
  episode.set_service("deals.example.test");
  episode.set_category("shopping");
  episode.set_grade(v1::GRADE_AUTOMATIC);
  episode.set_action(v1::ACTION_BLOCK);
  v1::Evidence& fact = *episode.add_evidence();
  fact.set_fact("explained");
  fact.set_half_points(-6);
  events.push_back(std::move(taken));
  return events;
}

absl::Time SchoolTime(absl::Time now) {
  constexpr int kHour = 11, kMinute = 20;
  const absl::TimeZone school = SampleZone();
  absl::CivilDay day(absl::ToCivilDay(now, school));
  const auto at = [&] {
    return absl::FromCivil(
        absl::CivilMinute(day.year(), day.month(), day.day(), kHour, kMinute),
        school);
  };
  while (at() > now || absl::GetWeekday(day) == absl::Weekday::saturday ||
         absl::GetWeekday(day) == absl::Weekday::sunday) {
    --day;
  }
  return at();
}

std::vector<Device> SampleDevices(absl::Time now) {
  std::vector<Device> devices;
  for (int i = 1; i <= 8; ++i) {
    Device device;
    device.id = absl::StrCat("D-00000", i, "QT");
    device.school = kSampleSchool;
    device.group = i < 5 ? "ks2" : "staff";
    device.hostname = absl::StrCat("laptop-0", i);
    device.inventory_number = absl::StrCat("OAK-", 100 + i);
    device.enrolled = now - absl::Hours(24 * 40);
    device.last_contact = now - absl::Seconds(20 + i);
    device.heartbeat_time = device.last_contact;
    v1::Heartbeat& beat = device.heartbeat;
    beat.set_agent_version("0.1.0");
    beat.set_bundle_version(17);
    beat.set_capturing(true);
    beat.set_enforcing(true);
    beat.set_mode("enforce");
    beat.set_flows(4000);
    beat.set_packets(900000);
    if (i == 2) device.last_contact = now - absl::Hours(24 * 5);
    if (i == 4) beat.set_bundle_version(16);
    if (i == 6) {
      v1::Blindness* blind = beat.add_blindness();
      blind->set_cause("ech");
      blind->set_flows(900);
    }
    devices.push_back(device);
  }
  return devices;
}

StoredEvent RefusedNow(absl::Time now, uint64_t sequence) {
  StoredEvent one;
  one.school = kSampleSchool;
  one.device = "D-4KQ7X2M9";
  one.epoch = 2;
  one.received = one.happened = now;
  one.event.set_sequence(sequence);
  one.event.mutable_person()->set_group("ks2");
  v1::Contact& contact = *one.event.mutable_contact();
  contact.set_host("games.example.test");
  contact.add_categories("games");
  contact.set_action(v1::ACTION_BLOCK);
  contact.set_count(1);
  return one;
}

}  // namespace schoolgate::collector
