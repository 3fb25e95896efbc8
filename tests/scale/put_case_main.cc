// Puts a person's sealed name, a contact and an alert about them into the
// database that collectors share, as a device and detection do, and prints
// the alert's number: put_case CONNINFO SCHOOL ALIAS
#include <cstdio>

#include "collector/postgres/postgres_stores.h"
#include "platform/clock.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {
namespace {

StoredEvent EventOf(const std::string& school, const std::string& alias,
                    absl::Time now) {
  StoredEvent one;
  one.school = school;
  one.device = "D-00000001";
  one.epoch = static_cast<uint64_t>(absl::ToUnixMicros(now));
  one.received = one.happened = now;
  one.event.mutable_person()->set_pseudonym(alias);
  one.event.mutable_person()->set_group("pupils");
  one.event.mutable_person()->set_confidence(v1::CONFIDENCE_CERTAIN);
  one.event.set_time_unix_us(absl::ToUnixMicros(now));
  return one;
}

absl::StatusOr<uint64_t> Put(const std::string& conninfo,
                             const std::string& school,
                             const std::string& alias) {
  auto database = Postgres::Open(conninfo);
  if (!database.ok()) return database.status();
  const absl::Time now = platform::SystemClock().Now();
  const seal::BoxKey key = seal::BoxKey::Generate();
  StoredEvent seen = EventOf(school, alias, now);
  seen.event.set_sequence(1);
  v1::PersonSeen& person = *seen.event.mutable_person_seen();
  person.set_sealed_login(*seal::SealTo(key.public_key(), "a.khan"));
  person.set_safeguarding_key_id(seal::KeyId(key.public_key()));
  StoredEvent contact = EventOf(school, alias, now);
  contact.event.set_sequence(2);
  contact.event.mutable_contact()->set_host("bets.example.test");
  contact.event.mutable_contact()->add_categories("gambling");
  contact.event.mutable_contact()->set_action(v1::ACTION_BLOCK);
  const auto appended =
      MakePostgresEventStore(*database)->Append({seen, contact});
  if (!appended.ok()) return appended.status();
  v1::Alert alert;
  alert.set_school(school);
  alert.set_subject(alias);
  alert.set_group("pupils");
  alert.set_severity(v1::SEVERITY_SERIOUS);
  alert.set_title("Repeated tries: gambling sites");
  alert.set_state(v1::ALERT_STATE_NEW);
  alert.set_rule("repeated_contacts");
  alert.set_category("gambling");
  alert.set_sentence("Pupil contacted host bets.example.test.");
  alert.set_raised_unix_us(absl::ToUnixMicros(now));
  alert.set_first_unix_us(absl::ToUnixMicros(now));
  alert.set_last_unix_us(absl::ToUnixMicros(now));
  const auto stored = MakePostgresAlertStore(*database)->Put(std::move(alert));
  if (!stored.ok()) return stored.status();
  return stored->id();
}

}  // namespace
}  // namespace schoolgate::collector

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: put_case CONNINFO SCHOOL ALIAS\n");
    return 2;
  }
  const auto put = schoolgate::collector::Put(argv[1], argv[2], argv[3]);
  if (!put.ok()) {
    std::fprintf(stderr, "put_case: %s\n",
                 std::string(put.status().message()).c_str());
    return 1;
  }
  std::printf("%llu\n", static_cast<unsigned long long>(*put));
  return 0;
}
