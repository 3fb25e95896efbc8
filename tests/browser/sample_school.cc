#include "tests/browser/sample_school.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

int64_t Micros(absl::Time now, absl::Duration ago) {
  return absl::ToUnixMicros(now - ago);
}

absl::TimeZone SchoolZone() {
  absl::TimeZone zone = absl::UTCTimeZone();
  (void)absl::LoadTimeZone("Europe/London", &zone);
  return zone;
}

// "Friday"
std::string DayOf(absl::Time time) {
  return absl::FormatTime("%A", time, SchoolZone());
}

// "10:48 on Friday"
std::string MomentOf(absl::Time time) {
  return absl::FormatTime("%H:%M on %A", time, SchoolZone());
}

v1::Alert Sample(absl::Time now, v1::Severity severity, absl::Duration ago) {
  v1::Alert alert;
  alert.set_school(kSampleSchool);
  alert.set_severity(severity);
  alert.set_state(v1::ALERT_STATE_NEW);
  alert.set_group("ks2");
  alert.set_first_unix_us(Micros(now, ago + absl::Minutes(40)));
  alert.set_last_unix_us(Micros(now, ago + absl::Minutes(1)));
  alert.set_raised_unix_us(Micros(now, ago));
  alert.set_device("D-4KQ7X2M9");
  alert.set_device_name("laptop-12");
  return alert;
}

void Contact(absl::Time now, v1::Alert* alert, absl::Duration ago,
             const std::string& host, const std::string& action) {
  v1::AlertEvidence* line = alert->add_evidence();
  line->set_time_unix_us(Micros(now, ago));
  line->set_sentence(absl::StrCat("Contacted host ", host, "."));
  line->set_host(host);
  line->set_action(action);
  line->set_device("laptop-12");
  line->set_count(1);
  alert->set_count(alert->count() + 1);
}

v1::Alert Gambling(absl::Time now) {
  v1::Alert alert = Sample(now, v1::SEVERITY_RULE_BREAK, absl::Minutes(12));
  alert.set_rule("repeated_contacts");
  alert.set_category("gambling");
  alert.set_subject("P-7F3AQ2");
  alert.set_title("Repeated tries: gambling sites");
  alert.set_sentence(absl::StrCat(
      "Pupil P-7F3AQ2 tried to reach gambling sites 5 times on ", DayOf(now),
      " morning on laptop-12; every try was blocked."));
  alert.set_why(
      "The tries are minutes apart, too far for a browser's own retries, and "
      "no page tried to load many hosts at once.");
  alert.set_in_favour(
      "Everything was blocked; nothing was loaded. Only the host is known, "
      "not the page or what it showed.");
  alert.set_next_step(
      "Hear the person before you decide: how did it come about? The school's "
      "policy has no row for this in its sanctions table: a person decides, "
      "and nothing has been done.");
  alert.set_clause("P0, user actions: \"On-line gambling\", unacceptable");
  for (int i = 0; i < 5; ++i) {
    Contact(now, &alert, absl::Minutes(50 - 8 * i),
            i % 2 ? "spin.example.test" : "bets.example.test", "blocked");
  }
  return alert;
}

v1::Alert Welfare(absl::Time now) {
  v1::Alert alert = Sample(now, v1::SEVERITY_SERIOUS, absl::Minutes(31));
  alert.set_rule("repeated_contacts");
  alert.set_category("self-harm");
  alert.set_subject("P-K2M9D4");
  alert.set_title("Welfare: self-harm sites");
  alert.set_sentence(absl::StrCat(
      "Pupil P-K2M9D4 contacted a self-harm site once at ",
      MomentOf(now - absl::Minutes(32)), " on laptop-03; it was blocked."));
  alert.set_why(
      "Contact with such sites is shown at once, so that somebody can help.");
  alert.set_in_favour(
      "It happened once: a mistyped address or a misleading link can look "
      "like this.");
  alert.set_next_step(
      "This is about help, not a sanction. Speak to the pupil today, with "
      "somebody they trust.");
  alert.set_device_name("laptop-03");
  Contact(now, &alert, absl::Minutes(32), "harm.example.test", "blocked");
  return alert;
}

v1::Alert Locked(absl::Time now) {
  v1::Alert alert = Sample(now, v1::SEVERITY_ILLEGAL, absl::Hours(2));
  alert.set_rule("restricted_list");
  alert.set_category("child-abuse");
  alert.set_subject("P-9ZT4C1");
  alert.set_group("guest");
  alert.set_title("Contact with restricted material");
  alert.set_sentence(absl::StrCat(
      "Guest P-9ZT4C1 tried to reach a host on the restricted list once at ",
      MomentOf(now - absl::Hours(2)), " on laptop-30; it was blocked."));
  alert.set_why(
      "Any contact with the restricted list is raised. The host is sealed for "
      "the police and shown to nobody here.");
  alert.set_in_favour(
      "A page or a program can cause such a contact without the person's "
      "knowledge.");
  alert.set_device_name("laptop-30");
  // A host that should never have been stored: it must not come out.
  Contact(now, &alert, absl::Hours(2), "sealed-host.example.test", "blocked");
  return alert;
}

v1::Alert SilentDevice(absl::Time now) {
  v1::Alert alert = Sample(now, v1::SEVERITY_ROUTINE, absl::Hours(3));
  alert.set_rule("silent_device");
  alert.set_subject("D-8MN2P4QT");
  alert.set_device("D-8MN2P4QT");
  alert.set_device_name("laptop-21");
  alert.set_title("Device not heard from");
  const absl::Time day_before = SchoolTime(now - absl::Hours(24));
  alert.set_sentence(absl::StrCat(
      "Device laptop-21 was last heard from at ",
      MomentOf(SchoolTime(day_before - absl::Hours(24)) + absl::Hours(4)),
      "; more than a day of school time has passed since."));
  alert.set_why("A device that stays silent on school days is not monitored.");
  alert.set_in_favour(
      "It may be switched off, in repair or at home without network.");
  alert.set_next_step(
      "Ask whether the device is in use; the IT provider can check it.");
  return alert;
}

v1::Alert AboutTheHead(absl::Time now) {
  v1::Alert alert = Sample(now, v1::SEVERITY_RULE_BREAK, absl::Hours(3));
  alert.set_rule("repeated_contacts");
  alert.set_category("shopping");
  alert.set_subject("P-HEAD00");
  alert.set_group("staff");
  alert.set_title("Repeated contact: shopping sites");
  alert.set_sentence("Staff member P-HEAD00 contacted shopping sites.");
  return alert;
}

v1::Alert Closed(absl::Time today) {
  const absl::Time now = SchoolTime(today - absl::Hours(24));
  v1::Alert alert = Sample(now, v1::SEVERITY_RULE_BREAK, absl::Hours(2));
  alert.set_rule("bypass");
  alert.set_category("bypass");
  alert.set_subject("P-3JX8VB");
  alert.set_title("Tried to get around the filter");
  alert.set_sentence(
      absl::StrCat("Pupil P-3JX8VB contacted a filter-bypass service twice on ",
                   DayOf(now), "; both were blocked."));
  alert.set_state(v1::ALERT_STATE_CLOSED);
  alert.mutable_incident()->set_outcome("handled");
  alert.mutable_incident()->set_action_taken("Spoke with the pupil.");
  alert.mutable_incident()->set_recorded_by("lead");
  alert.mutable_incident()->set_recorded_unix_us(Micros(now, absl::Hours(1)));
  return alert;
}

constexpr std::pair<const char*, const char*> kPeople[] = {
    {"P-7F3AQ2", "a.khan"}, {"P-K2M9D4", "b.ward"}, {"P-HEAD00", "r.okafor"}};

}  // namespace

std::vector<v1::Alert> SampleAlerts(absl::Time now) {
  return {Gambling(now),     Welfare(now),      Locked(now),
          SilentDevice(now), AboutTheHead(now), Closed(now)};
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

v1::Alert SampleRequest(absl::Time now) {
  v1::Alert alert = Sample(now, v1::SEVERITY_ROUTINE, absl::Minutes(50));
  alert.set_rule("person_asks");
  alert.set_subject("P-TEACH1");
  alert.set_group("staff");
  alert.set_device_name("laptop-05");
  alert.set_title("Somebody asks for a change");
  alert.set_sentence(absl::StrCat("P-TEACH1 asked at ",
                                  MomentOf(now - absl::Minutes(51)),
                                  " for www.coolmath4kids.com to be opened."));
  alert.set_why("People can ask for a host to be opened or blocked.");
  alert.set_in_favour("Asking is what the school wants people to do.");
  alert.set_next_step(
      "This is for a lesson: “Lesson passes” shows what the class would miss, "
      "and how a pass is approved. Tell the person what you decided.");
  Contact(now, &alert, absl::Minutes(51), "www.coolmath4kids.com", "asked");
  alert.mutable_evidence(0)->set_sentence(
      "asked for www.coolmath4kids.com to be opened: \"lesson pass for ks2: "
      "www.coolmath4kids.com www.roblox.com: fractions in year 5\"");
  return alert;
}

std::vector<StoredEvent> SampleOwnContacts(absl::Time now) {
  std::vector<StoredEvent> events;
  for (const char* host : {"www.shop.example.test", "deals.example.test"}) {
    StoredEvent& one = events.emplace_back();
    one.school = kSampleSchool;
    one.device = "D-000005QT";
    one.epoch = 1;
    one.received = one.happened =
        now - absl::Hours(3) * static_cast<int64_t>(events.size());
    one.event.set_sequence(events.size());
    one.event.mutable_person()->set_pseudonym("P-LEAD00");
    v1::Contact& contact = *one.event.mutable_contact();
    contact.set_host(host);
    contact.add_categories("shopping");
    contact.set_action(v1::ACTION_BLOCK);
  }
  return events;
}

absl::Time SchoolTime(absl::Time now) {
  constexpr int kHour = 11, kMinute = 20;
  const absl::TimeZone school = SchoolZone();
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

v1::Alert LiveAlert(absl::Time now) {
  v1::Alert alert = Sample(now, v1::SEVERITY_SERIOUS, absl::ZeroDuration());
  alert.set_rule("bypass");
  alert.set_category("bypass");
  alert.set_subject("P-LIVE01");
  alert.set_title("Tried to get around the filter");
  alert.set_sentence("Pupil P-LIVE01 contacted a filter-bypass service.");
  return alert;
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
