// Events as devices sent them, opened. Two implementations are meant to pass
// the same conformance tests: SQLite here, ClickHouse at scale.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/event.pb.h"

namespace schoolgate::collector {

// A device's event with where it came from and when it got here.
struct StoredEvent {
  std::string school;
  std::string device;
  uint64_t epoch = 0;
  absl::Time received;
  // The device's time corrected by what the collector knows of its clock;
  // windows are evaluated by this one.
  absl::Time happened;
  v1::Event event;
};

struct EventQuery {
  std::string school;
  std::string device;   // empty: any
  std::string subject;  // pseudonym; empty: any
  absl::Time from = absl::InfinitePast();
  absl::Time to = absl::InfiniteFuture();
  size_t limit = 1000;
};

// One line of the hourly counts: contacts by category, without any person.
struct HourCount {
  absl::Time hour;
  std::string school;
  std::string group;
  std::string category;
  v1::Action action = v1::ACTION_UNSPECIFIED;
  uint64_t contacts = 0;
};

// How long a school's events are kept: those about people, and what devices
// say of their own state.
struct KeepTimes {
  absl::Duration contacts, health;
};

struct EventKeep {
  KeepTimes others;  // schools that are not named
  std::map<std::string, KeepTimes> schools;

  // The longest of all.
  absl::Duration Longest() const;
};

// Thread-safe; writes are serialised.
class EventStore {
 public:
  virtual ~EventStore() = default;

  // Durable when it returns OK: committed and synced, all of it or nothing.
  // Events whose (device, epoch, sequence) is known already are skipped and
  // not in the result. Sequences count from 1; what has sequence 0 is skipped.
  virtual absl::StatusOr<std::vector<StoredEvent>> Append(
      std::vector<StoredEvent> events) = 0;

  // The highest sequence below which everything of this epoch is stored.
  virtual absl::StatusOr<uint64_t> DurableSequence(const std::string& device,
                                                   uint64_t epoch) = 0;

  // Newest first, by `happened`.
  virtual absl::StatusOr<std::vector<StoredEvent>> Find(
      const EventQuery& query) = 0;

  // In the order of arrival, after `cursor`; for detection to catch up after
  // a crash. The cursor of the last one is put in *next.
  virtual absl::StatusOr<std::vector<StoredEvent>> ReadAfter(
      uint64_t cursor, size_t limit, uint64_t* next) = 0;

  // A cursor at or before the first event received at `time` or later.
  virtual absl::StatusOr<uint64_t> CursorAt(absl::Time time) = 0;

  // Counts of the hours that begin in [from, to), oldest first. `school`
  // empty: all.
  virtual absl::StatusOr<std::vector<HourCount>> Counts(
      const std::string& school, absl::Time from, absl::Time to) = 0;

  // Erases days older than `keep`. Returns the events erased.
  virtual absl::StatusOr<uint64_t> Expire(absl::Time now,
                                          absl::Duration keep) = 0;

  // Erases, within days that stay, what its school's time is over for. One
  // day's worth at most at a call; 0: there is no more to do. The hourly
  // counts, which know no person, stay with their day. A store that cannot do
  // it keeps all until the whole day goes.
  virtual absl::StatusOr<uint64_t> Sweep(absl::Time now,
                                         const EventKeep& keep) {
    (void)now;
    (void)keep;
    return 0;
  }
};

// SQLite files under `directory`, made when missing: one a day, more on a busy
// day.
absl::StatusOr<std::unique_ptr<EventStore>> OpenSqliteEventStore(
    const std::string& directory);

// To read beside the one process that writes: Append and Expire are refused,
// and files made later are not seen.
absl::StatusOr<std::unique_ptr<EventStore>> OpenSqliteEventStoreToRead(
    const std::string& directory);

}  // namespace schoolgate::collector
