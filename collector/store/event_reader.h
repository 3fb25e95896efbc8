// One SQLite file of events: the reader's side.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "collector/store/event_store.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {

// Not thread-safe. May read while an EventFile writes the same file.
class EventReader {
 public:
  static absl::StatusOr<std::unique_ptr<EventReader>> Open(
      const std::string& path);

  // Newest first, at most query.limit.
  absl::StatusOr<std::vector<StoredEvent>> Find(const EventQuery& query);

  // In the order of arrival, rows above `row`; *last gets the last one's.
  absl::StatusOr<std::vector<StoredEvent>> ReadAfter(int64_t row, size_t limit,
                                                     int64_t* last);

  absl::StatusOr<std::vector<HourCount>> Counts(const std::string& school,
                                                absl::Time from, absl::Time to);

 private:
  explicit EventReader(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::StatusOr<std::vector<StoredEvent>> Collect(Statement& rows,
                                                   int64_t* last);
  absl::StatusOr<std::string> WordOf(int64_t number);
  // 0: no such word in this file, so no event has it.
  absl::StatusOr<int64_t> NumberOf(const std::string& text);

  const std::unique_ptr<Database> database_;
  absl::flat_hash_map<int64_t, std::string> words_;
};

}  // namespace schoolgate::collector
