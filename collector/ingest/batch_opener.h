// A device's sealed batches to events. All input is hostile.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/ingest/device_clock.h"
#include "collector/store/device_store.h"
#include "collector/store/event_store.h"
#include "proto/seal/segment.h"
#include "proto/uplink.pb.h"

namespace schoolgate::collector {

inline constexpr int kMaxRecordsPerBatch = 8192;

// A record that could not be opened: kept raw for a person to look at.
struct RefusedRecord {
  std::string device;
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  std::string why;
  std::string bytes;
};

struct OpenedBatch {
  // In the order sent. A refused record stands here as a Tamper event of kind
  // "unreadable_record" under its own sequence: it is told, and it does not
  // block what comes after it.
  std::vector<StoredEvent> events;
  std::vector<RefusedRecord> refused;
  uint64_t epoch = 0;
  uint64_t last_sequence = 0;
  size_t bytes = 0;
};

// One a stream; not thread-safe. Borrows the keys for life.
class BatchOpener {
 public:
  BatchOpener(Device device, DeviceClock clock,
              std::span<const seal::BoxKey* const> keys)
      : device_(std::move(device)), clock_(std::move(clock)), keys_(keys) {}

  // INVALID_ARGUMENT when it is no batch at all (too many records, records
  // without a frame, out of order): the stream ends.
  absl::StatusOr<OpenedBatch> Open(const v1::Batch& batch, absl::Time now);

  const Device& device() const { return device_; }

 private:
  void UseHeader(const std::string& header);
  StoredEvent Wrap(uint64_t epoch, v1::Event event, absl::Time now) const;
  void OpenOne(const v1::Batch& batch, uint64_t sequence,
               const std::string& record, absl::Time now, OpenedBatch* opened);

  const Device device_;
  const DeviceClock clock_;
  const std::span<const seal::BoxKey* const> keys_;
  std::string header_;  // that opener_ (or header_fault_) belongs to
  std::optional<seal::SegmentOpener> opener_;
  std::string header_fault_;
};

}  // namespace schoolgate::collector
