#include "collector/postgres/postgres_stores.h"
#include "collector/store/audit_chain.h"

namespace schoolgate::collector {
namespace {

class PostgresAuditLog : public AuditLog {
 public:
  explicit PostgresAuditLog(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::Status Append(AuditEntry entry) override {
    return database_->Transact([&](Connection& connection) {
      // One at a time, whichever collector they come from.
      absl::Status status =
          connection.Execute("LOCK TABLE audit IN EXCLUSIVE MODE");
      if (!status.ok()) return status;
      const absl::StatusOr<Rows> last = connection.Run(
          "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1");
      if (!last.ok()) return last.status();
      const bool first = last->size() == 0;
      entry.number = first ? 1 : static_cast<uint64_t>(last->Int(0, 0)) + 1;
      entry.hash = HashOfEntry(first ? "" : last->Bytes(0, 1), entry);
      return connection
          .Run("INSERT INTO audit VALUES($1,$2,$3,$4,$5,$6,$7)",
               Parameters()
                   .Int(static_cast<int64_t>(entry.number))
                   .Int(absl::ToUnixMicros(entry.time))
                   .Bytes(entry.who)
                   .Bytes(entry.action)
                   .Bytes(entry.about)
                   .Bytes(entry.detail)
                   .Bytes(entry.hash))
          .status();
    });
  }

  absl::StatusOr<std::vector<AuditEntry>> Read(uint64_t after,
                                               size_t limit) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT number, time_us, who, action, about, detail, hash FROM audit"
        " WHERE number>$1 ORDER BY number LIMIT $2",
        Parameters()
            .Int(static_cast<int64_t>(after))
            .Int(static_cast<int64_t>(limit)));
    if (!rows.ok()) return rows.status();
    std::vector<AuditEntry> entries;
    for (int row = 0; row < rows->size(); ++row) {
      entries.push_back({.number = static_cast<uint64_t>(rows->Int(row, 0)),
                         .time = absl::FromUnixMicros(rows->Int(row, 1)),
                         .who = rows->Bytes(row, 2),
                         .action = rows->Bytes(row, 3),
                         .about = rows->Bytes(row, 4),
                         .detail = rows->Bytes(row, 5),
                         .hash = rows->Bytes(row, 6)});
    }
    return entries;
  }

  absl::Status Verify() override { return VerifyChain(*this); }

 private:
  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<AuditLog> MakePostgresAuditLog(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresAuditLog>(std::move(database));
}

}  // namespace schoolgate::collector
