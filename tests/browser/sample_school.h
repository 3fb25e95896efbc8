// A small invented school: what the browser tests and screenshots look at.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"
#include "proto/seal/keys.h"

namespace schoolgate::collector {

inline constexpr char kSampleSchool[] = "oakfield";

absl::TimeZone SampleZone();

// Who the sample's people are, sealed to `key` as a device does it: "a.khan"
// is P-7F3AQ2, "b.ward" P-K2M9D4, "r.okafor" P-HEAD00.
std::vector<StoredEvent> SamplePeople(absl::Time now, const seal::BoxKey& key);

// The alias of one of them; of anybody else one that nobody has.
std::string SampleAlias(const std::string& login);

// Three pupils' devices and one of the staff at bets.example.test, at the time
// of the first of its alerts.
std::vector<StoredEvent> SampleOthers(absl::Time now);

// What devices sent about the safety lead (pseudonym P-LEAD00).
std::vector<StoredEvent> SampleOwnContacts(absl::Time now);

// Somebody in Key Stage 2 is refused games.example.test at this moment.
StoredEvent RefusedNow(absl::Time now, uint64_t sequence);

// The last time before `now` that a school is at work: on a weekday, late in
// the morning.
absl::Time SchoolTime(absl::Time now);

// Eight devices; one silent, one with old rules, one that sees badly.
std::vector<Device> SampleDevices(absl::Time now);

}  // namespace schoolgate::collector
