#include <mutex>

#include "absl/strings/str_cat.h"
#include "collector/store/attachment_store.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS attachment("
    "  id INTEGER PRIMARY KEY, alert INTEGER NOT NULL, name BLOB NOT NULL,"
    "  type TEXT NOT NULL, bytes INTEGER NOT NULL, hash TEXT NOT NULL,"
    "  added_by TEXT NOT NULL, added_us INTEGER NOT NULL,"
    "  sealed BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS attachment_alert ON attachment(alert)";

constexpr char kListed[] =
    "id, alert, name, type, bytes, hash, added_by, added_us";

class SqliteAttachmentStore : public AttachmentStore {
 public:
  explicit SqliteAttachmentStore(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::Status Put(const Attachment& one) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> put =
        database_->Prepare("INSERT INTO attachment VALUES(?,?,?,?,?,?,?,?,?)");
    if (!put.ok()) return put.status();
    return put->Bind(1, static_cast<int64_t>(one.id))
        .Bind(2, static_cast<int64_t>(one.alert))
        .BindBlob(3, one.name)
        .BindText(4, one.type)
        .Bind(5, static_cast<int64_t>(one.bytes))
        .BindText(6, one.hash)
        .BindText(7, one.added_by)
        .Bind(8, absl::ToUnixMicros(one.added))
        .BindBlob(9, one.sealed)
        .Run();
  }

  absl::StatusOr<Attachment> Get(uint64_t id) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> get = database_->Prepare(absl::StrCat(
        "SELECT ", kListed, ", sealed FROM attachment WHERE id=?"));
    if (!get.ok()) return get.status();
    const absl::StatusOr<bool> row =
        get->Bind(1, static_cast<int64_t>(id)).Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError("no such attachment");
    Attachment one = From(*get);
    one.sealed = get->Bytes(8);
    return one;
  }

  absl::StatusOr<std::vector<Attachment>> Of(uint64_t alert) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> rows = database_->Prepare(
        absl::StrCat("SELECT ", kListed,
                     " FROM attachment WHERE alert=? ORDER BY added_us, id"));
    if (!rows.ok()) return rows.status();
    rows->Bind(1, static_cast<int64_t>(alert));
    std::vector<Attachment> all;
    while (true) {
      const absl::StatusOr<bool> row = rows->Step();
      if (!row.ok()) return row.status();
      if (!*row) return all;
      all.push_back(From(*rows));
    }
  }

  absl::Status Remove(uint64_t id) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> remove =
        database_->Prepare("DELETE FROM attachment WHERE id=?");
    if (!remove.ok()) return remove.status();
    return remove->Bind(1, static_cast<int64_t>(id)).Run();
  }

  absl::StatusOr<uint64_t> DropOrphans() override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> drop = database_->Prepare(
        "DELETE FROM attachment WHERE alert NOT IN (SELECT id FROM alert)");
    if (!drop.ok()) return drop.status();
    if (absl::Status done = drop->Run(); !done.ok()) return done;
    return static_cast<uint64_t>(database_->Changes());
  }

 private:
  static Attachment From(const Statement& row) {
    return {.id = static_cast<uint64_t>(row.Int(0)),
            .alert = static_cast<uint64_t>(row.Int(1)),
            .name = row.Bytes(2),
            .type = row.Bytes(3),
            .bytes = static_cast<uint64_t>(row.Int(4)),
            .hash = row.Bytes(5),
            .added_by = row.Bytes(6),
            .added = absl::FromUnixMicros(row.Int(7))};
  }

  std::mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AttachmentStore>> OpenSqliteAttachmentStore(
    const std::string& file) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteAttachmentStore>(*std::move(database));
}

}  // namespace schoolgate::collector
