#include <sodium.h>

#include <mutex>

#include "collector/store/audit_chain.h"
#include "collector/store/audit_log.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS audit("
    "  number INTEGER PRIMARY KEY, time_us INTEGER NOT NULL,"
    "  who TEXT NOT NULL, action TEXT NOT NULL, about TEXT NOT NULL,"
    "  detail TEXT NOT NULL, hash TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS audit_about ON audit(about)"
    "  WHERE about<>'';"
    "CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit"
    "  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
    "CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit"
    "  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END";

class SqliteAuditLog : public AuditLog {
 public:
  explicit SqliteAuditLog(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::Status Append(AuditEntry entry) override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    absl::Status status = transaction.Begin();
    if (!status.ok()) return status;
    absl::StatusOr<Statement> last = database_->Prepare(
        "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1");
    if (!last.ok()) return last.status();
    const absl::StatusOr<bool> row = last->Step();
    if (!row.ok()) return row.status();
    entry.number = *row ? static_cast<uint64_t>(last->Int(0)) + 1 : 1;
    entry.hash = HashOfEntry(*row ? last->Bytes(1) : "", entry);
    last->Reset();
    absl::StatusOr<Statement> put =
        database_->Prepare("INSERT INTO audit VALUES(?,?,?,?,?,?,?)");
    if (!put.ok()) return put.status();
    status = put->Bind(1, static_cast<int64_t>(entry.number))
                 .Bind(2, absl::ToUnixMicros(entry.time))
                 .BindText(3, entry.who)
                 .BindText(4, entry.action)
                 .BindText(5, entry.about)
                 .BindText(6, entry.detail)
                 .BindText(7, entry.hash)
                 .Run();
    return status.ok() ? transaction.Commit() : status;
  }

  absl::StatusOr<std::vector<AuditEntry>> Read(uint64_t after,
                                               size_t limit) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> read = database_->Prepare(
        "SELECT number, time_us, who, action, about, detail, hash FROM audit"
        " WHERE number>? ORDER BY number LIMIT ?");
    if (!read.ok()) return read.status();
    read->Bind(1, static_cast<int64_t>(after))
        .Bind(2, static_cast<int64_t>(limit));
    return Collect(*read);
  }

  absl::StatusOr<std::vector<AuditEntry>> About(const std::string& about,
                                                size_t limit) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> read = database_->Prepare(
        "SELECT number, time_us, who, action, about, detail, hash FROM audit"
        " WHERE about=?1 AND about<>'' ORDER BY number LIMIT ?2");
    if (!read.ok()) return read.status();
    read->BindText(1, about).Bind(2, static_cast<int64_t>(limit));
    return Collect(*read);
  }

  absl::Status Verify() override { return VerifyChain(*this); }

 private:
  static absl::StatusOr<std::vector<AuditEntry>> Collect(Statement& rows) {
    std::vector<AuditEntry> entries;
    while (true) {
      const absl::StatusOr<bool> row = rows.Step();
      if (!row.ok()) return row.status();
      if (!*row) return entries;
      AuditEntry& entry = entries.emplace_back();
      entry.number = static_cast<uint64_t>(rows.Int(0));
      entry.time = absl::FromUnixMicros(rows.Int(1));
      entry.who = rows.Bytes(2);
      entry.action = rows.Bytes(3);
      entry.about = rows.Bytes(4);
      entry.detail = rows.Bytes(5);
      entry.hash = rows.Bytes(6);
    }
  }

  std::mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AuditLog>> OpenSqliteAuditLog(
    const std::string& file) {
  if (sodium_init() < 0) return absl::InternalError("libsodium: cannot start");
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteAuditLog>(*std::move(database));
}

}  // namespace schoolgate::collector
