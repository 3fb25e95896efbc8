// Whether the audit log is whole, without reading all of it at every look.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "collector/store/audit_log.h"

namespace schoolgate::collector {

// Thread-safe. A log of up to kAtOnce lines is checked whole at every look. Of
// a longer one what was added is, with the line it follows; all of it once an
// hour, beside the caller.
class AuditCheck {
 public:
  static constexpr uint64_t kAtOnce = 10'000;

  // `log` is borrowed.
  explicit AuditCheck(AuditLog& log) : log_(log) {}
  ~AuditCheck();

  struct Verdict {
    // Nothing: the first whole check is under way.
    std::optional<bool> whole;
    absl::Time checked = absl::InfinitePast();  // all of it, the last time
  };

  // `last`: the number of the newest entry.
  Verdict Look(uint64_t last, absl::Time now);

 private:
  void CheckAll(absl::Time now);

  AuditLog& log_;
  std::mutex mutex_;
  std::thread whole_check_;
  std::atomic<bool> closing_ = false;
  bool running_ = false;
  bool broken_ = false;
  absl::Time checked_ = absl::InfinitePast();
  // Up to here all was well.
  uint64_t number_ = 0;
  std::string hash_;
};

}  // namespace schoolgate::collector
