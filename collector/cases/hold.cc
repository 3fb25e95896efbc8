#include "collector/cases/hold.h"

#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"

namespace schoolgate::collector {
namespace {

constexpr size_t kMostEvents = 20'000;
constexpr size_t kMostHeld = 100'000;
// An alert's times are its episodes'; the event itself may be written later.
constexpr absl::Duration kAround = absl::Hours(1);

}  // namespace

absl::StatusOr<std::vector<StoredEvent>> EventsBehind(const v1::Alert& alert,
                                                      EventStore& events,
                                                      HeldEvents* held) {
  std::map<std::tuple<std::string, uint64_t, uint64_t>, StoredEvent> all;
  const auto add = [&all](std::vector<StoredEvent> some) {
    for (StoredEvent& one : some) {
      std::tuple key(one.device, one.epoch, one.event.sequence());
      all.try_emplace(std::move(key), std::move(one));
    }
  };
  if (held != nullptr) {
    absl::StatusOr<std::vector<StoredEvent>> kept = held->Of(alert.id());
    if (!kept.ok()) return kept.status();
    add(*std::move(kept));
  }
  std::set<std::pair<uint64_t, uint64_t>> wanted;
  for (const v1::AlertEvidence& line : alert.evidence()) {
    if (line.sequence() != 0) wanted.emplace(line.epoch(), line.sequence());
  }
  EventQuery query;
  query.school = alert.school();
  if (absl::StartsWith(alert.subject(), "P-")) {
    query.subject = alert.subject();
  } else {
    query.device = alert.device();
  }
  query.from = absl::FromUnixMicros(alert.first_unix_us()) - kAround;
  query.to = absl::FromUnixMicros(alert.last_unix_us()) + kAround;
  query.limit = kMostEvents;
  absl::StatusOr<std::vector<StoredEvent>> found = events.Find(query);
  if (!found.ok()) return found.status();
  std::erase_if(*found, [&](const StoredEvent& one) {
    return !wanted.contains({one.epoch, one.event.sequence()});
  });
  add(*std::move(found));
  std::vector<StoredEvent> result;
  for (auto& [key, one] : all) result.push_back(std::move(one));
  return result;
}

absl::Status KeepHeldEvents(AlertStore& alerts, EventStore& events,
                            HeldEvents& held) {
  AlertQuery query;
  query.held_only = true;
  query.limit = kMostHeld;
  const absl::StatusOr<std::vector<v1::Alert>> found = alerts.Find(query);
  if (!found.ok()) return found.status();
  for (const v1::Alert& alert : *found) {
    if (!alert.has_hold()) continue;
    const auto behind = EventsBehind(alert, events, nullptr);
    if (!behind.ok()) return behind.status();
    const absl::Status kept = held.Keep(alert.id(), *behind);
    if (!kept.ok()) return kept;
  }
  return absl::OkStatus();
}

}  // namespace schoolgate::collector
