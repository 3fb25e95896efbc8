#include <condition_variable>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "collector/store/alert_store.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS alert("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, revision INTEGER NOT NULL UNIQUE,"
    "  school TEXT NOT NULL, severity INTEGER NOT NULL,"
    "  state INTEGER NOT NULL, subject TEXT NOT NULL,"
    "  last_us INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS alert_order ON"
    "  alert(severity DESC, last_us DESC, id DESC);"
    "CREATE INDEX IF NOT EXISTS alert_subject ON alert(subject)"
    "  WHERE subject<>'';"
    "CREATE TABLE IF NOT EXISTS alert_revision("
    "  one INTEGER PRIMARY KEY CHECK(one=1), revision INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO alert_revision VALUES(1, 0);"
    "CREATE TABLE IF NOT EXISTS alert_hold(id INTEGER PRIMARY KEY)";

// How often a waiter looks for changes made by another process.
constexpr absl::Duration kOtherProcesses = absl::Milliseconds(250);

absl::StatusOr<v1::Alert> FromRow(const Statement& row) {
  v1::Alert alert;
  if (!alert.ParseFromString(row.Bytes(0))) {
    return absl::DataLossError(
        absl::StrCat("alert ", row.Int(1), ": cannot be read"));
  }
  return alert;
}

class SqliteAlertStore : public AlertStore {
 public:
  explicit SqliteAlertStore(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::StatusOr<v1::Alert> Put(v1::Alert alert) override {
    {
      const std::lock_guard lock(mutex_);
      Transaction transaction(*database_);
      absl::Status status = transaction.Begin();
      if (status.ok()) status = PutLocked(&alert);
      if (status.ok()) status = transaction.Commit();
      if (!status.ok()) return status;
    }
    changed_.notify_all();
    return alert;
  }

  absl::StatusOr<v1::Alert> Get(uint64_t id) override {
    const std::lock_guard lock(mutex_);
    return GetLocked(id);
  }

  // In one transaction: also safe against another process.
  absl::StatusOr<v1::Alert> Update(
      uint64_t id,
      const std::function<absl::Status(v1::Alert*)>& change) override {
    absl::StatusOr<v1::Alert> alert;
    {
      const std::lock_guard lock(mutex_);
      Transaction transaction(*database_);
      absl::Status status = transaction.Begin();
      if (!status.ok()) return status;
      alert = GetLocked(id);
      if (!alert.ok()) return alert;
      status = change(&*alert);
      if (status.ok()) status = PutLocked(&*alert);
      if (status.ok()) status = transaction.Commit();
      if (!status.ok()) return status;
    }
    changed_.notify_all();
    return alert;
  }

  absl::StatusOr<std::vector<v1::Alert>> Find(
      const AlertQuery& query) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> find = database_->Prepare(
        "SELECT body, id FROM alert WHERE (?1='' OR school=?1)"
        " AND (?2=0 OR state<>?3) AND severity>=?4 AND (?5='' OR subject=?5)"
        " AND (?6=0 OR id<?6)"
        " AND (?8=0 OR id IN (SELECT id FROM alert_hold))"
        " ORDER BY severity DESC, last_us DESC, id DESC LIMIT ?7");
    if (!find.ok()) return find.status();
    find->BindText(1, query.school)
        .Bind(2, query.open_only ? 1 : 0)
        .Bind(3, v1::ALERT_STATE_CLOSED)
        .Bind(4, query.at_least.value_or(v1::SEVERITY_UNSPECIFIED))
        .BindText(5, query.subject)
        .Bind(6, static_cast<int64_t>(query.before_id))
        .Bind(7, static_cast<int64_t>(query.limit))
        .Bind(8, query.held_only ? 1 : 0);
    return Collect(*find);
  }

  absl::StatusOr<std::vector<v1::Alert>> ChangesAfter(uint64_t after,
                                                      size_t limit) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> find = database_->Prepare(
        "SELECT body, id FROM alert WHERE revision>? ORDER BY revision"
        " LIMIT ?");
    if (!find.ok()) return find.status();
    find->Bind(1, static_cast<int64_t>(after))
        .Bind(2, static_cast<int64_t>(limit));
    return Collect(*find);
  }

  absl::StatusOr<uint64_t> Expire(absl::Time now, absl::Duration keep,
                                  const std::string& school) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> erase = database_->Prepare(
        "DELETE FROM alert WHERE state=? AND last_us<? AND (?3='' OR school=?3)"
        " AND id NOT IN (SELECT id FROM alert_hold)");
    if (!erase.ok()) return erase.status();
    const absl::Status status = erase->Bind(1, v1::ALERT_STATE_CLOSED)
                                    .Bind(2, absl::ToUnixMicros(now - keep))
                                    .BindText(3, school)
                                    .Run();
    if (!status.ok()) return status;
    return static_cast<uint64_t>(database_->Changes());
  }

  uint64_t WaitForChange(uint64_t after, absl::Duration patience) override {
    std::unique_lock lock(mutex_);
    while (true) {
      const uint64_t newest = NewestLocked();
      if (newest > after || closed_ || patience <= absl::ZeroDuration()) {
        return newest;
      }
      const absl::Duration slice = std::min(patience, kOtherProcesses);
      changed_.wait_for(lock, absl::ToChronoMicroseconds(slice));
      patience -= slice;
    }
  }

  void Close() override {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

 private:
  absl::StatusOr<v1::Alert> GetLocked(uint64_t id) {
    absl::StatusOr<Statement> get =
        database_->Prepare("SELECT body, id FROM alert WHERE id=?");
    if (!get.ok()) return get.status();
    const absl::StatusOr<bool> row =
        get->Bind(1, static_cast<int64_t>(id)).Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError(absl::StrCat("alert ", id, ": none"));
    return FromRow(*get);
  }

  absl::Status PutLocked(v1::Alert* alert) {
    absl::StatusOr<Statement> bump = database_->Prepare(
        "UPDATE alert_revision SET revision=revision+1 RETURNING revision");
    if (!bump.ok()) return bump.status();
    absl::StatusOr<bool> row = bump->Step();
    if (!row.ok()) return row.status();
    alert->set_revision(static_cast<uint64_t>(bump->Int(0)));
    bump->Reset();
    if (alert->id() == 0) {
      absl::StatusOr<Statement> next = database_->Prepare(
          "SELECT coalesce((SELECT seq FROM sqlite_sequence"
          " WHERE name='alert'), 0)+1");
      if (!next.ok()) return next.status();
      row = next->Step();
      if (!row.ok()) return row.status();
      alert->set_id(static_cast<uint64_t>(next->Int(0)));
    }
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT OR REPLACE INTO"
        " alert(id, revision, school, severity, state, subject, last_us, body)"
        " VALUES(?,?,?,?,?,?,?,?)");
    if (!put.ok()) return put.status();
    const std::string body = alert->SerializeAsString();
    const absl::Status stored =
        put->Bind(1, static_cast<int64_t>(alert->id()))
            .Bind(2, static_cast<int64_t>(alert->revision()))
            .BindText(3, alert->school())
            .Bind(4, alert->severity())
            .Bind(5, alert->state())
            .BindText(6, alert->subject())
            .Bind(7, alert->last_unix_us())
            .BindBlob(8, body)
            .Run();
    return stored.ok() ? PutHoldLocked(*alert) : stored;
  }

  absl::Status PutHoldLocked(const v1::Alert& alert) {
    absl::StatusOr<Statement> hold = database_->Prepare(
        alert.has_hold() ? "INSERT OR IGNORE INTO alert_hold VALUES(?)"
                         : "DELETE FROM alert_hold WHERE id=?");
    if (!hold.ok()) return hold.status();
    return hold->Bind(1, static_cast<int64_t>(alert.id())).Run();
  }

  static absl::StatusOr<std::vector<v1::Alert>> Collect(Statement& rows) {
    std::vector<v1::Alert> alerts;
    while (true) {
      const absl::StatusOr<bool> row = rows.Step();
      if (!row.ok()) return row.status();
      if (!*row) return alerts;
      absl::StatusOr<v1::Alert> alert = FromRow(rows);
      if (!alert.ok()) return alert.status();
      alerts.push_back(*std::move(alert));
    }
  }

  // 0 when it cannot be read: the reader that follows says why.
  uint64_t NewestLocked() {
    absl::StatusOr<Statement> newest =
        database_->Prepare("SELECT revision FROM alert_revision");
    if (!newest.ok()) return 0;
    const absl::StatusOr<bool> row = newest->Step();
    return row.ok() && *row ? static_cast<uint64_t>(newest->Int(0)) : 0;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::unique_ptr<Database> database_;
  bool closed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AlertStore>> OpenSqliteAlertStore(
    const std::string& file) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteAlertStore>(*std::move(database));
}

}  // namespace schoolgate::collector
