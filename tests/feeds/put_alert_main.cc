// Puts an alert into a collector's store, as detection does, and prints its
// number: put_alert STORE SCHOOL SUBJECT GROUP SEVERITY TITLE
#include <cstdio>
#include <cstdlib>

#include "collector/store/alert_store.h"
#include "platform/clock.h"

int main(int argc, char** argv) {
  using namespace schoolgate;  // main builds the world
  if (argc != 7) return 2;
  auto store = collector::OpenSqliteAlertStore(argv[1]);
  if (!store.ok()) return 1;
  v1::Alert alert;
  alert.set_school(argv[2]);
  alert.set_subject(argv[3]);
  alert.set_group(argv[4]);
  alert.set_severity(static_cast<v1::Severity>(std::atoi(argv[5])));
  alert.set_title(argv[6]);
  alert.set_state(v1::ALERT_STATE_NEW);
  alert.set_rule("repeated_contacts");
  alert.set_category("gambling");
  alert.set_device_name("laptop-12");
  alert.set_sentence("Pupil contacted bets.example.test.");
  const int64_t now = absl::ToUnixMicros(platform::SystemClock().Now());
  alert.set_raised_unix_us(now);
  alert.set_first_unix_us(now);
  alert.set_last_unix_us(now);
  const auto stored = (*store)->Put(std::move(alert));
  if (!stored.ok()) return 1;
  std::printf("%llu\n", static_cast<unsigned long long>(stored->id()));
  return 0;
}
