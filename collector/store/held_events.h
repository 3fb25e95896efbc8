// Copies of the events behind alerts under a legal hold: events are erased by
// the day, these stay as long as the hold.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/store/event_store.h"

namespace schoolgate::collector {

// Thread-safe.
class HeldEvents {
 public:
  virtual ~HeldEvents() = default;

  // What is kept for the alert already stays as it is. Durable when OK.
  virtual absl::Status Keep(uint64_t alert,
                            std::span<const StoredEvent> events) = 0;

  // In the order of (device, epoch, sequence).
  virtual absl::StatusOr<std::vector<StoredEvent>> Of(uint64_t alert) = 0;

  virtual absl::Status Drop(uint64_t alert) = 0;
};

absl::StatusOr<std::unique_ptr<HeldEvents>> OpenSqliteHeldEvents(
    const std::string& file);

}  // namespace schoolgate::collector
