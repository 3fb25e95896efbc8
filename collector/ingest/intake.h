// What all streams of a collector share on the way in: the writer that makes
// events durable, the writer of contacts, and the counters.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "collector/ingest/batch_opener.h"
#include "collector/ingest/group_writer.h"
#include "collector/ingest/refused_records.h"
#include "collector/metrics/histogram.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"
#include "platform/clock.h"

namespace schoolgate::collector {

struct IntakeCounters {
  std::atomic<uint64_t> streams{0};      // open now
  std::atomic<uint64_t> opened{0};       // streams that began
  std::atomic<uint64_t> turned_away{0};  // streams that we ended for a fault
  std::atomic<uint64_t> enrolled{0};     // certificates given, renewals too
  std::atomic<uint64_t> enrolments_refused{0};
  std::atomic<uint64_t> batches{0};
  std::atomic<uint64_t> bytes{0};    // of batches, sealed as they came
  std::atomic<uint64_t> pauses{0};   // a device had to wait for the writer
  std::atomic<uint64_t> events{0};   // stored, each once
  std::atomic<uint64_t> repeats{0};  // known already
  std::atomic<uint64_t> refused{0};  // could not be opened
  std::atomic<uint64_t> commits{0};
  std::atomic<uint64_t> failures{0};  // commits that failed
  // Of the last commit that was tried.
  std::atomic<bool> storing{true};
  std::atomic<int64_t> last_failure_us{0};  // since boot
  std::atomic<uint64_t> queued_bytes{0};
  Histogram commit;           // one transaction
  Histogram acknowledgement;  // a batch read to its acknowledgement
};

// Thread-safe. Borrows the stores for life.
class Intake {
 public:
  // Streams wait while more than this is received and not yet durable.
  static constexpr uint64_t kMostQueuedBytes = 64u << 20;

  // `committed` is called after each commit that stored something, on the
  // writer's thread.
  Intake(EventStore& events, DeviceStore& devices, RefusedRecords& refused,
         const platform::Clock& clock, std::function<void()> committed);

  // Calls `done` on the writer's thread when the batch is durable, or why it
  // is not (then nothing of it is). False after Stop.
  bool Store(OpenedBatch batch, std::function<void(const absl::Status&)> done);

  // Calls `done` (may be null) when the contact is durable, or why not.
  bool Record(DeviceContact contact,
              std::function<void(const absl::Status&)> done);

  // Finishes what was taken, then refuses more.
  void Stop();

  const IntakeCounters& counters() const { return counters_; }
  IntakeCounters& counters() { return counters_; }
  bool overfull() const { return counters_.queued_bytes > kMostQueuedBytes; }

 private:
  struct Commit {
    OpenedBatch batch;
    std::function<void(const absl::Status&)> done;
    absl::Duration taken;  // since boot
  };
  struct Contact {
    DeviceContact contact;
    std::function<void(const absl::Status&)> done;
  };

  void WriteCommits(std::vector<Commit> commits);
  void WriteContacts(std::vector<Contact> contacts);

  EventStore& events_;
  DeviceStore& devices_;
  RefusedRecords& refused_;
  const platform::Clock& clock_;
  const std::function<void()> committed_;
  IntakeCounters counters_;
  GroupWriter<Contact> contact_writer_;
  GroupWriter<Commit> commit_writer_;
};

}  // namespace schoolgate::collector
