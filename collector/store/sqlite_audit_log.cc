#include <sodium.h>

#include <mutex>

#include "collector/store/signed_audit_log.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

// A version that signs nothing cannot add anything, either.
constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS audit("
    "  number INTEGER PRIMARY KEY, time_us INTEGER NOT NULL,"
    "  who TEXT NOT NULL, action TEXT NOT NULL, about TEXT NOT NULL,"
    "  detail TEXT NOT NULL, hash TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS audit_about ON audit(about)"
    "  WHERE about<>'';"
    "CREATE TABLE IF NOT EXISTS audit_head("
    "  one INTEGER PRIMARY KEY CHECK(one=1), number INTEGER NOT NULL,"
    "  hash TEXT NOT NULL, time_us INTEGER NOT NULL, key BLOB NOT NULL,"
    "  signature BLOB NOT NULL);"
    "CREATE TRIGGER IF NOT EXISTS audit_signed BEFORE INSERT ON audit"
    "  WHEN NEW.number IS NOT (SELECT number FROM audit_head)"
    "  BEGIN SELECT RAISE(ABORT, 'the audit log takes signed entries alone');"
    "  END;"
    "CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit"
    "  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
    "CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit"
    "  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END";

class SqliteAuditLog : public SignedAuditLog {
 public:
  SqliteAuditLog(std::unique_ptr<Database> database, AuditKeys keys)
      : SignedAuditLog(std::move(keys)), database_(std::move(database)) {}

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

 private:
  absl::Status Write(const Next& next) override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    absl::Status status = transaction.Begin();
    if (!status.ok()) return status;
    const absl::StatusOr<End> end = ReadEnd();
    if (!end.ok()) return end.status();
    const absl::StatusOr<Step> step = next(*end);
    if (!step.ok()) return step.status();
    status = PutHead(step->head);
    if (status.ok() && step->entry) status = PutEntry(*step->entry);
    return status.ok() ? transaction.Commit() : status;
  }

  absl::StatusOr<std::optional<AuditHead>> ReadHead() override {
    const std::lock_guard lock(mutex_);
    return FindHead();
  }

  absl::StatusOr<End> ReadEnd() {
    absl::StatusOr<std::optional<AuditHead>> head = FindHead();
    if (!head.ok()) return head.status();
    absl::StatusOr<Statement> last = database_->Prepare(
        "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1");
    if (!last.ok()) return last.status();
    const absl::StatusOr<bool> row = last->Step();
    if (!row.ok()) return row.status();
    End end{.number = 0, .hash = "", .head = *std::move(head)};
    if (*row) {
      end.number = static_cast<uint64_t>(last->Int(0));
      end.hash = last->Bytes(1);
    }
    return end;
  }

  absl::StatusOr<std::optional<AuditHead>> FindHead() {
    // To read alone it may be of a version that had no such table.
    absl::StatusOr<Statement> table = database_->Prepare(
        "SELECT 1 FROM sqlite_master WHERE type='table' AND name='audit_head'");
    if (!table.ok()) return table.status();
    absl::StatusOr<bool> row = table->Step();
    if (!row.ok()) return row.status();
    if (!*row) return std::nullopt;
    absl::StatusOr<Statement> read = database_->Prepare(
        "SELECT number, hash, time_us, key, signature FROM audit_head");
    if (!read.ok()) return read.status();
    row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return std::nullopt;
    return AuditHead{.number = static_cast<uint64_t>(read->Int(0)),
                     .hash = read->Bytes(1),
                     .time = absl::FromUnixMicros(read->Int(2)),
                     .key = read->Bytes(3),
                     .signature = read->Bytes(4)};
  }

  absl::Status PutHead(const AuditHead& head) {
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT OR REPLACE INTO audit_head VALUES(1,?,?,?,?,?)");
    if (!put.ok()) return put.status();
    return put->Bind(1, static_cast<int64_t>(head.number))
        .BindText(2, head.hash)
        .Bind(3, absl::ToUnixMicros(head.time))
        .BindBlob(4, head.key)
        .BindBlob(5, head.signature)
        .Run();
  }

  absl::Status PutEntry(const AuditEntry& entry) {
    absl::StatusOr<Statement> put =
        database_->Prepare("INSERT INTO audit VALUES(?,?,?,?,?,?,?)");
    if (!put.ok()) return put.status();
    return put->Bind(1, static_cast<int64_t>(entry.number))
        .Bind(2, absl::ToUnixMicros(entry.time))
        .BindText(3, entry.who)
        .BindText(4, entry.action)
        .BindText(5, entry.about)
        .BindText(6, entry.detail)
        .BindText(7, entry.hash)
        .Run();
  }

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
    const std::string& file, AuditKeys keys) {
  if (sodium_init() < 0) return absl::InternalError("libsodium: cannot start");
  const bool writes = keys.signing.has_value();
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(
      file, writes ? Database::Mode::kReadWrite : Database::Mode::kReadOnly);
  if (!database.ok()) return database.status();
  if (writes) {
    const absl::Status status = (*database)->Execute(kSchema);
    if (!status.ok()) return status;
  }
  return std::make_unique<SqliteAuditLog>(*std::move(database),
                                          std::move(keys));
}

}  // namespace schoolgate::collector
