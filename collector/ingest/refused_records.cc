#include "collector/ingest/refused_records.h"

#include <mutex>

#include "absl/strings/str_cat.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS refused("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, received_us INTEGER NOT NULL,"
    "  device TEXT NOT NULL, epoch INTEGER NOT NULL,"
    "  sequence INTEGER NOT NULL, why TEXT NOT NULL, bytes BLOB NOT NULL)";

class SqliteRefusedRecords : public RefusedRecords {
 public:
  explicit SqliteRefusedRecords(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::Status Keep(std::span<const RefusedRecord> records,
                    absl::Time now) override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    absl::Status status = transaction.Begin();
    if (!status.ok()) return status;
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT INTO refused(received_us, device, epoch, sequence, why, bytes)"
        " VALUES(?,?,?,?,?,?)");
    if (!put.ok()) return put.status();
    for (const RefusedRecord& record : records) {
      status = put->Bind(1, absl::ToUnixMicros(now))
                   .BindText(2, record.device)
                   .Bind(3, static_cast<int64_t>(record.epoch))
                   .Bind(4, static_cast<int64_t>(record.sequence))
                   .BindText(5, record.why)
                   .BindBlob(6, record.bytes)
                   .Run();
      if (!status.ok()) return status;
    }
    status = database_->Execute(absl::StrCat(
        "DELETE FROM refused WHERE id<=(SELECT max(id) FROM refused)-", kMost));
    return status.ok() ? transaction.Commit() : status;
  }

  absl::StatusOr<uint64_t> Count() override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> count =
        database_->Prepare("SELECT count(*) FROM refused");
    if (!count.ok()) return count.status();
    const absl::StatusOr<bool> row = count->Step();
    if (!row.ok()) return row.status();
    return static_cast<uint64_t>(count->Int(0));
  }

 private:
  std::mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RefusedRecords>> RefusedRecords::Open(
    const std::string& file) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteRefusedRecords>(*std::move(database));
}

}  // namespace schoolgate::collector
