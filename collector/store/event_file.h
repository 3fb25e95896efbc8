// One SQLite file of events: the writer's side. It carries the progress of
// every stream, so that the newest file alone says what is known already.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/event_store.h"
#include "collector/store/sqlite.h"
#include "collector/store/stream_progress.h"

namespace schoolgate::collector {

using StreamKey = std::pair<std::string, uint64_t>;  // device, epoch
using Streams = absl::flat_hash_map<StreamKey, StreamProgress>;

// Not thread-safe.
class EventFile {
 public:
  // A new file that starts with `streams`. Readable by nobody until complete:
  // a crash in between leaves a file that Open calls NOT_FOUND.
  static absl::StatusOr<std::unique_ptr<EventFile>> Create(
      const std::string& path, const Streams& streams);

  // NOT_FOUND: its creation never finished, it holds nothing.
  // FAILED_PRECONDITION: written by a newer version.
  static absl::StatusOr<std::unique_ptr<EventFile>> Open(
      const std::string& path);

  // As Open, without reading more than that and without writing.
  static absl::Status CheckVersion(const std::string& path);

  absl::StatusOr<Streams> ReadStreams();

  // Stores events and the progress of the streams they touch in one synced
  // transaction. On an error nothing is stored.
  absl::Status Append(const std::vector<StoredEvent>& events,
                      const Streams& touched);

  uint64_t rows() const { return rows_; }

  // Moves the write-ahead log into the file and builds the reading indexes.
  // Takes a second for a million events; another connection may do it.
  static absl::Status Finish(const std::string& path);

 private:
  // hour, school, group, category, action -> contacts
  using HourKey = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t>;

  explicit EventFile(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::Status Load();
  absl::Status PrepareAll();
  absl::Status WriteAll(const std::vector<StoredEvent>& events,
                        const Streams& touched);
  absl::Status WriteEvent(const StoredEvent& event);
  absl::Status Count(const StoredEvent& event);
  absl::Status WriteCounts();
  absl::Status WriteStreams(const Streams& touched);
  // The number of a word in this file; adds it when new.
  absl::StatusOr<int64_t> Word(const std::string& text);

  const std::unique_ptr<Database> database_;
  Statement insert_event_, insert_word_, insert_stream_, insert_count_,
      insert_span_;
  absl::flat_hash_map<std::string, int64_t> words_;
  std::vector<std::string> new_words_;  // of the running transaction
  std::map<HourKey, int64_t> counts_;   // of the running transaction
  int64_t first_us_ = INT64_MAX, last_us_ = INT64_MIN;
  uint64_t rows_ = 0;
  std::string body_;
};

}  // namespace schoolgate::collector
