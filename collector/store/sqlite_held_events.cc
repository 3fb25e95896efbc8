#include <mutex>

#include "absl/strings/str_cat.h"
#include "collector/store/held_events.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS held_event("
    "  alert INTEGER NOT NULL, device TEXT NOT NULL, epoch INTEGER NOT NULL,"
    "  sequence INTEGER NOT NULL, school TEXT NOT NULL,"
    "  received_us INTEGER NOT NULL, happened_us INTEGER NOT NULL,"
    "  body BLOB NOT NULL, PRIMARY KEY(alert, device, epoch, sequence))"
    "  WITHOUT ROWID";

class SqliteHeldEvents : public HeldEvents {
 public:
  explicit SqliteHeldEvents(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::Status Keep(uint64_t alert,
                    std::span<const StoredEvent> events) override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    absl::Status status = transaction.Begin();
    if (!status.ok()) return status;
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT OR IGNORE INTO held_event VALUES(?,?,?,?,?,?,?,?)");
    if (!put.ok()) return put.status();
    for (const StoredEvent& one : events) {
      const std::string body = one.event.SerializeAsString();
      status = put->Bind(1, static_cast<int64_t>(alert))
                   .BindText(2, one.device)
                   .Bind(3, static_cast<int64_t>(one.epoch))
                   .Bind(4, static_cast<int64_t>(one.event.sequence()))
                   .BindText(5, one.school)
                   .Bind(6, absl::ToUnixMicros(one.received))
                   .Bind(7, absl::ToUnixMicros(one.happened))
                   .BindBlob(8, body)
                   .Run();
      if (!status.ok()) return status;
    }
    return transaction.Commit();
  }

  absl::StatusOr<std::vector<StoredEvent>> Of(uint64_t alert) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> rows = database_->Prepare(
        "SELECT school, device, epoch, received_us, happened_us, body"
        " FROM held_event WHERE alert=? ORDER BY device, epoch, sequence");
    if (!rows.ok()) return rows.status();
    rows->Bind(1, static_cast<int64_t>(alert));
    std::vector<StoredEvent> events;
    while (true) {
      const absl::StatusOr<bool> row = rows->Step();
      if (!row.ok()) return row.status();
      if (!*row) return events;
      StoredEvent& one = events.emplace_back();
      one.school = rows->Bytes(0);
      one.device = rows->Bytes(1);
      one.epoch = static_cast<uint64_t>(rows->Int(2));
      one.received = absl::FromUnixMicros(rows->Int(3));
      one.happened = absl::FromUnixMicros(rows->Int(4));
      if (!one.event.ParseFromString(rows->Bytes(5))) {
        return absl::DataLossError(
            absl::StrCat("held event of alert ", alert, ": cannot be read"));
      }
    }
  }

  absl::Status Drop(uint64_t alert) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> drop =
        database_->Prepare("DELETE FROM held_event WHERE alert=?");
    if (!drop.ok()) return drop.status();
    return drop->Bind(1, static_cast<int64_t>(alert)).Run();
  }

 private:
  std::mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HeldEvents>> OpenSqliteHeldEvents(
    const std::string& file) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteHeldEvents>(*std::move(database));
}

}  // namespace schoolgate::collector
