#include "collector/postgres/advisory_locks.h"

namespace schoolgate::collector {
namespace {

// The key of a lock: text hashed by the server, the same everywhere.
constexpr char kTryLock[] =
    "SELECT CASE WHEN pg_try_advisory_lock(hashtextextended("
    "'schoolgate ' || convert_from($2::bytea, 'UTF8') || ' ' ||"
    " encode($1::bytea, 'hex'), 0))"
    " THEN 1::bigint ELSE 0::bigint END";

}  // namespace

std::set<std::string> AdvisoryLocks::Turn(
    const std::vector<std::string>& names) {
  if (!StillConnected()) return {};
  for (const std::string& name : names) {
    if (held_.contains(name)) continue;
    const absl::StatusOr<Rows> got =
        connection_->Run(kTryLock, Parameters().Bytes(name).Bytes(kind_));
    if (!got.ok()) {
      held_.clear();
      connection_.reset();
      return {};
    }
    if (got->Int(0, 0) == 1) held_.insert(name);
  }
  return held_;
}

bool AdvisoryLocks::StillConnected() {
  if (connection_ != nullptr && connection_->Run("SELECT 1::bigint").ok()) {
    return true;
  }
  held_.clear();
  connection_.reset();
  absl::StatusOr<std::unique_ptr<Connection>> fresh =
      Connection::Open(conninfo_);
  if (!fresh.ok()) return false;
  connection_ = *std::move(fresh);
  return true;
}

}  // namespace schoolgate::collector
