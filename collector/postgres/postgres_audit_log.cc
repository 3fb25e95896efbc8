#include "collector/postgres/postgres_stores.h"
#include "collector/store/signed_audit_log.h"

namespace schoolgate::collector {
namespace {

std::optional<AuditHead> HeadOf(const Rows& rows) {
  if (rows.size() == 0) return std::nullopt;
  return AuditHead{.number = static_cast<uint64_t>(rows.Int(0, 0)),
                   .hash = rows.Bytes(0, 1),
                   .time = absl::FromUnixMicros(rows.Int(0, 2)),
                   .key = rows.Bytes(0, 3),
                   .signature = rows.Bytes(0, 4)};
}

constexpr char kReadHead[] =
    "SELECT number, hash, time_us, key, signature FROM audit_head";

class PostgresAuditLog : public SignedAuditLog {
 public:
  PostgresAuditLog(std::shared_ptr<Postgres> database, AuditKeys keys)
      : SignedAuditLog(std::move(keys)), database_(std::move(database)) {}

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

 private:
  absl::Status Write(const Next& next) override {
    return database_->Transact([&](Connection& connection) {
      // One at a time, whichever collector they come from.
      absl::Status status =
          connection.Execute("LOCK TABLE audit IN EXCLUSIVE MODE");
      if (!status.ok()) return status;
      const absl::StatusOr<End> end = ReadEnd(connection);
      if (!end.ok()) return end.status();
      const absl::StatusOr<Step> step = next(*end);
      if (!step.ok()) return step.status();
      status = PutHead(connection, step->head);
      if (!status.ok() || !step->entry) return status;
      return PutEntry(connection, *step->entry);
    });
  }

  absl::StatusOr<std::optional<AuditHead>> ReadHead() override {
    const absl::StatusOr<Rows> head = database_->Run(kReadHead);
    if (!head.ok()) return head.status();
    return HeadOf(*head);
  }

  static absl::StatusOr<End> ReadEnd(Connection& connection) {
    const absl::StatusOr<Rows> head = connection.Run(kReadHead);
    if (!head.ok()) return head.status();
    const absl::StatusOr<Rows> last = connection.Run(
        "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1");
    if (!last.ok()) return last.status();
    End end{.number = 0, .hash = "", .head = HeadOf(*head)};
    if (last->size() > 0) {
      end.number = static_cast<uint64_t>(last->Int(0, 0));
      end.hash = last->Bytes(0, 1);
    }
    return end;
  }

  static absl::Status PutHead(Connection& connection, const AuditHead& head) {
    return connection
        .Run(
            "INSERT INTO audit_head VALUES(1,$1,$2,$3,$4,$5)"
            " ON CONFLICT (one) DO UPDATE SET number=excluded.number,"
            " hash=excluded.hash, time_us=excluded.time_us, key=excluded.key,"
            " signature=excluded.signature",
            Parameters()
                .Int(static_cast<int64_t>(head.number))
                .Bytes(head.hash)
                .Int(absl::ToUnixMicros(head.time))
                .Bytes(head.key)
                .Bytes(head.signature))
        .status();
  }

  static absl::Status PutEntry(Connection& connection,
                               const AuditEntry& entry) {
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
  }

  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<AuditLog> MakePostgresAuditLog(
    std::shared_ptr<Postgres> database, AuditKeys keys) {
  return std::make_unique<PostgresAuditLog>(std::move(database),
                                            std::move(keys));
}

}  // namespace schoolgate::collector
