#include "collector/ingest/intake.h"

#include <iterator>

#include "collector/fleet/journal.h"
#include "collector/store/trace_id.h"

namespace schoolgate::collector {
namespace {

// What one transaction takes: more would make the first acknowledgement wait.
constexpr size_t kMostBatches = 512;
constexpr size_t kMostContacts = 4096;

// The first station of an event's trace: what came of it says the same id.
void Trace(const std::vector<StoredEvent>& stored) {
  for (const StoredEvent& event : stored) {
    Log(Level::kDebug, "event_stored",
        {{"trace",
          TraceIdOf(event.device, event.epoch, event.event.sequence())},
         {"device", event.device},
         {"sequence", std::to_string(event.event.sequence())}});
  }
}

}  // namespace

Intake::Intake(EventStore& events, DeviceStore& devices,
               RefusedRecords& refused, const platform::Clock& clock,
               std::function<void()> committed)
    : events_(events),
      devices_(devices),
      refused_(refused),
      clock_(clock),
      committed_(std::move(committed)),
      contact_writer_(
          kMostContacts,
          [this](std::vector<Contact> all) { WriteContacts(std::move(all)); }),
      commit_writer_(kMostBatches, [this](std::vector<Commit> all) {
        WriteCommits(std::move(all));
      }) {}

bool Intake::Store(OpenedBatch batch,
                   std::function<void(const absl::Status&)> done) {
  const size_t bytes = batch.bytes;
  counters_.queued_bytes += bytes;
  ++counters_.batches;
  counters_.bytes += bytes;
  if (commit_writer_.Submit(
          {std::move(batch), std::move(done), clock_.SinceBoot()})) {
    return true;
  }
  counters_.queued_bytes -= bytes;
  return false;
}

bool Intake::Record(DeviceContact contact,
                    std::function<void(const absl::Status&)> done) {
  return contact_writer_.Submit({std::move(contact), std::move(done)});
}

void Intake::Stop() {
  commit_writer_.Stop();
  contact_writer_.Stop();
}

void Intake::WriteCommits(std::vector<Commit> commits) {
  std::vector<StoredEvent> events;
  std::vector<RefusedRecord> refused;
  for (Commit& commit : commits) {
    std::move(commit.batch.events.begin(), commit.batch.events.end(),
              std::back_inserter(events));
    std::move(commit.batch.refused.begin(), commit.batch.refused.end(),
              std::back_inserter(refused));
  }
  absl::Status status;
  if (!refused.empty()) status = refused_.Keep(refused, clock_.Now());
  const size_t sent = events.size();
  size_t stored = 0;
  const absl::Duration begun = clock_.SinceBoot();
  if (status.ok()) {
    const absl::StatusOr<std::vector<StoredEvent>> fresh =
        events_.Append(std::move(events));
    status = fresh.status();
    if (fresh.ok()) {
      stored = fresh->size();
      if (LogWants(Level::kDebug)) Trace(*fresh);
    }
  }
  const absl::Duration ended = clock_.SinceBoot();
  counters_.storing = status.ok();
  if (status.ok()) {
    ++counters_.commits;
    counters_.commit.Observe(ended - begun);
    counters_.events += stored;
    counters_.repeats += sent - stored;
    counters_.refused += refused.size();
  } else {
    ++counters_.failures;
    counters_.last_failure_us = absl::ToInt64Microseconds(ended);
    Log(Level::kError, "commit_failed",
        {{"events", std::to_string(sent)},
         {"why", std::string(status.message())}});
  }
  for (const Commit& commit : commits) {
    counters_.queued_bytes -= commit.batch.bytes;
    if (status.ok()) counters_.acknowledgement.Observe(ended - commit.taken);
    commit.done(status);
  }
  if (stored > 0 && committed_) committed_();
}

void Intake::WriteContacts(std::vector<Contact> contacts) {
  std::vector<DeviceContact> all;
  all.reserve(contacts.size());
  for (Contact& contact : contacts) all.push_back(std::move(contact.contact));
  const absl::Status status = devices_.RecordContacts(all);
  if (!status.ok()) {
    Log(Level::kError, "contact_failed",
        {{"why", std::string(status.message())}});
  }
  for (const Contact& contact : contacts) {
    if (contact.done) contact.done(status);
  }
}

}  // namespace schoolgate::collector
