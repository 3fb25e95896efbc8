#include "collector/cli/check_report.h"

#include <algorithm>
#include <map>

#include "collector/cases/words.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kEventsAtOnce = 10'000;

const char* PlaceWord(v1::Place place) {
  switch (place) {
    case v1::PLACE_ONSITE:
      return "on site";
    case v1::PLACE_OFFSITE:
      return "off site";
    default:
      return "not known";
  }
}

// That a network's log-in page was opened is told in the same form, and tests
// nothing.
bool IsCheck(const v1::Event& event) {
  return event.has_self_test() && event.self_test().what() != "captive_portal";
}

}  // namespace

absl::StatusOr<std::vector<std::vector<std::string>>> CheckRecords(
    EventStore& events, DeviceStore& devices, const std::string& school,
    absl::Time from, absl::Time to, absl::TimeZone zone) {
  const absl::StatusOr<std::vector<Device>> all = devices.All(school);
  if (!all.ok()) return all.status();
  std::map<std::string, const Device*> by_id;
  for (const Device& device : *all) by_id[device.id] = &device;
  // An event cannot have arrived before it happened.
  absl::StatusOr<uint64_t> cursor = events.CursorAt(from);
  if (!cursor.ok()) return cursor.status();
  std::vector<StoredEvent> tests;
  while (true) {
    uint64_t next = *cursor;
    absl::StatusOr<std::vector<StoredEvent>> read =
        events.ReadAfter(*cursor, kEventsAtOnce, &next);
    if (!read.ok()) return read.status();
    if (read->empty()) break;
    *cursor = next;
    for (StoredEvent& event : *read) {
      if (event.school == school && IsCheck(event.event) &&
          event.happened >= from && event.happened < to) {
        tests.push_back(std::move(event));
      }
    }
  }
  std::stable_sort(tests.begin(), tests.end(),
                   [](const StoredEvent& a, const StoredEvent& b) {
                     return a.happened < b.happened;
                   });
  std::vector<std::vector<std::string>> rows = {
      {"date", "time", "device", "name", "inventory number", "group", "place",
       "what was tested", "result", "detail"}};
  for (const StoredEvent& event : tests) {
    const auto known = by_id.find(event.device);
    const Device* device = known == by_id.end() ? nullptr : known->second;
    const v1::SelfTest& test = event.event.self_test();
    rows.push_back(
        {absl::FormatTime("%Y-%m-%d", event.happened, zone),
         absl::FormatTime("%H:%M:%S", event.happened, zone), event.device,
         device ? device->hostname : "", device ? device->inventory_number : "",
         device ? GroupName(device->group) : "", PlaceWord(test.place()),
         test.what(), test.passed() ? "passed" : "FAILED", test.detail()});
  }
  return rows;
}

}  // namespace schoolgate::collector
