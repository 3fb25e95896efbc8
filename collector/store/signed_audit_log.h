// What all audit logs do alike, wherever they lie: chain, sign, verify. A store
// keeps rows.
#pragma once

#include <functional>
#include <optional>

#include "collector/store/audit_log.h"

namespace schoolgate::collector {

// Thread-safe when Write, ReadHead and Read are.
class SignedAuditLog : public AuditLog {
 public:
  explicit SignedAuditLog(AuditKeys keys) : keys_(std::move(keys)) {}

  absl::Status Append(AuditEntry entry) final;
  absl::Status Begin(absl::Time now) final;
  absl::Status SignAnew(AuditEntry why) final;
  absl::StatusOr<AuditHead> Head() final;
  absl::Status Verify() final;

 protected:
  // As the store has it, believed or not.
  struct End {
    uint64_t number = 0;  // of the last entry; 0: none
    std::string hash;
    std::optional<AuditHead> head;
  };
  struct Step {
    AuditHead head;
    std::optional<AuditEntry> entry;
  };
  using Next = std::function<absl::StatusOr<Step>(const End& end)>;

  // In one transaction, in which nobody else writes the log: tells `next` its
  // end, and stores what that gives, the head first. Nothing after an error.
  virtual absl::Status Write(const Next& next) = 0;
  virtual absl::StatusOr<std::optional<AuditHead>> ReadHead() = 0;

 private:
  absl::Status Check(const std::optional<AuditHead>& head) const;
  Step Sign(uint64_t number, const std::string& previous,
            AuditEntry entry) const;
  // The entry behind the last one that is there.
  Step Restart(const End& end, AuditEntry entry) const;
  absl::Status MaySign() const;

  const AuditKeys keys_;
};

}  // namespace schoolgate::collector
