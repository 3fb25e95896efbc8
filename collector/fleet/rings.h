// Moves releases from ring to ring, and halts those that do harm.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "collector/fleet/bundle_shelf.h"
#include "collector/store/audit_log.h"
#include "collector/store/device_store.h"

namespace schoolgate::collector {

// Not thread-safe. Borrows what it is given for its own life.
class Rings {
 public:
  Rings(const BundleShelf& shelf, DeviceStore& devices, AuditLog& audit)
      : shelf_(shelf), devices_(devices), audit_(audit) {}

  // One look at every release on its way. What fails is tried again at the
  // next turn.
  void Turn(absl::Time now);

  // By hand. NOT_FOUND when no release is on its way for `school`.
  absl::Status Pause(const std::string& school, const std::string& who,
                     const std::string& why, absl::Time now);
  // Goes on after a pause, or to the next ring before its time.
  absl::Status GoOn(const std::string& school, const std::string& who,
                    absl::Time now);
  // Ends the release. With a fallback everybody gets that: the old content as
  // a newer version. Without one FAILED_PRECONDITION says what to do, and the
  // release stays paused.
  absl::Status RollBack(const std::string& school, const std::string& who,
                        const std::string& why, absl::Time now);

  // Devices to whom the release of `school` applies.
  absl::StatusOr<std::vector<Device>> DevicesOf(const std::string& school);

 private:
  absl::Status Advance(Rollout rollout, const std::string& school,
                       const std::string& who, absl::Time now);
  absl::Status Note(const std::string& who, const std::string& action,
                    const std::string& school, const std::string& detail,
                    absl::Time now);

  const BundleShelf& shelf_;
  DeviceStore& devices_;
  AuditLog& audit_;
};

}  // namespace schoolgate::collector
