#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <span>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "collector/store/alert_brief.h"
#include "collector/store/alert_store.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS alert("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, revision INTEGER NOT NULL UNIQUE,"
    "  school TEXT NOT NULL, severity INTEGER NOT NULL,"
    "  state INTEGER NOT NULL, subject TEXT NOT NULL,"
    "  last_us INTEGER NOT NULL, body BLOB NOT NULL,"
    "  raised_us INTEGER NOT NULL DEFAULT -1,"
    "  briefed INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE IF NOT EXISTS alert_brief("
    "  school TEXT NOT NULL, raised_us INTEGER NOT NULL, id INTEGER NOT NULL,"
    "  body BLOB NOT NULL, PRIMARY KEY(school, raised_us, id)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS alert_order ON"
    "  alert(severity DESC, last_us DESC, id DESC);"
    "CREATE TABLE IF NOT EXISTS alert_revision("
    "  one INTEGER PRIMARY KEY CHECK(one=1), revision INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO alert_revision VALUES(1, 0);"
    "CREATE TABLE IF NOT EXISTS alert_hold(id INTEGER PRIMARY KEY)";

// What lists of one school are read by. 5 is ALERT_STATE_CLOSED.
constexpr char kIndexes[] =
    "DROP INDEX IF EXISTS alert_subject;"
    "CREATE INDEX IF NOT EXISTS alert_person ON"
    "  alert(subject, severity DESC, last_us DESC, id DESC);"
    "CREATE INDEX IF NOT EXISTS alert_school ON"
    "  alert(school, severity DESC, last_us DESC, id DESC);"
    "CREATE INDEX IF NOT EXISTS alert_open ON"
    "  alert(school, severity DESC, last_us DESC, id DESC) WHERE state<>5;"
    "CREATE INDEX IF NOT EXISTS alert_raised ON alert(school, raised_us);"
    "CREATE INDEX IF NOT EXISTS alert_raised_unknown ON alert(id)"
    "  WHERE raised_us<0;"
    "CREATE INDEX IF NOT EXISTS alert_not_briefed ON alert(id)"
    "  WHERE briefed=0";
static_assert(v1::ALERT_STATE_CLOSED == 5);

int64_t ToMicros(absl::Time time) {
  if (time == absl::InfinitePast()) return INT64_MIN;
  if (time == absl::InfiniteFuture()) return INT64_MAX;
  return absl::ToUnixMicros(time);
}

// What was raised in a time comes from its index in another order.
bool SortsItself(const AlertQuery& query) {
  return query.raised_from != absl::InfinitePast();
}

void SortAndCut(size_t limit, std::vector<v1::Alert>* alerts) {
  const auto key = [](const v1::Alert& alert) {
    return std::tuple(alert.severity(), alert.last_unix_us(), alert.id());
  };
  std::sort(
      alerts->begin(), alerts->end(),
      [&](const v1::Alert& a, const v1::Alert& b) { return key(a) > key(b); });
  if (alerts->size() > limit) alerts->resize(limit);
}

// Only the conditions that the query has: SQLite then finds the index.
std::string SqlOf(const AlertQuery& query) {
  std::string sql = "SELECT body, id FROM alert";
  if (!query.subject.empty()) {
    absl::StrAppend(&sql, " INDEXED BY alert_person");
  } else if (query.raised_from != absl::InfinitePast() &&
             !query.school.empty()) {
    absl::StrAppend(&sql, " INDEXED BY alert_raised");
  }
  absl::StrAppend(&sql, " WHERE severity>=?1");
  if (!query.school.empty()) absl::StrAppend(&sql, " AND school=?2");
  if (!query.subject.empty()) absl::StrAppend(&sql, " AND subject=?3");
  if (query.open_only) absl::StrAppend(&sql, " AND state<>5");
  if (query.before_id != 0) absl::StrAppend(&sql, " AND id<?4");
  if (query.raised_from != absl::InfinitePast()) {
    absl::StrAppend(&sql, " AND raised_us>=?5");
  }
  if (query.raised_to != absl::InfiniteFuture()) {
    absl::StrAppend(&sql, " AND raised_us<?6");
  }
  if (query.held_only) {
    absl::StrAppend(&sql, " AND id IN (SELECT id FROM alert_hold)");
  }
  // SQLite would sort the alerts themselves, in a file when there are many.
  if (SortsItself(query)) return sql;
  return sql + " ORDER BY severity DESC, last_us DESC, id DESC LIMIT ?7";
}

// Alerts of an older file that are read into memory together.
constexpr int64_t kBriefedAtOnce = 10'000;

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

absl::StatusOr<std::vector<v1::Alert>> Collect(Statement& rows) {
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

absl::Status AddColumn(Database& database, const char* name,
                       const char* definition) {
  absl::StatusOr<Statement> column =
      database.Prepare("SELECT 1 FROM pragma_table_info('alert') WHERE name=?");
  if (!column.ok()) return column.status();
  const absl::StatusOr<bool> there = column->BindText(1, name).Step();
  if (!there.ok()) return there.status();
  column->Reset();
  if (*there) return absl::OkStatus();
  return database.Execute(
      absl::StrCat("ALTER TABLE alert ADD COLUMN ", name, " ", definition));
}

// In place of what there was of it, whenever it was raised then.
absl::Status PutBrief(Database& database, const v1::Alert& alert) {
  absl::StatusOr<Statement> erase = database.Prepare(
      "DELETE FROM alert_brief WHERE (school, raised_us, id)="
      "(SELECT school, raised_us, id FROM alert WHERE id=?)");
  if (!erase.ok()) return erase.status();
  absl::Status status = erase->Bind(1, static_cast<int64_t>(alert.id())).Run();
  if (!status.ok()) return status;
  absl::StatusOr<Statement> put =
      database.Prepare("INSERT OR REPLACE INTO alert_brief VALUES(?,?,?,?)");
  if (!put.ok()) return put.status();
  const std::string body = BriefOf(alert).SerializeAsString();
  return put->BindText(1, alert.school())
      .Bind(2, std::max<int64_t>(alert.raised_unix_us(), 0))
      .Bind(3, static_cast<int64_t>(alert.id()))
      .BindBlob(4, body)
      .Run();
}

absl::Status PutBriefs(Database& database, std::span<const v1::Alert> alerts) {
  absl::StatusOr<Statement> set =
      database.Prepare("UPDATE alert SET raised_us=?, briefed=1 WHERE id=?");
  if (!set.ok()) return set.status();
  for (const v1::Alert& alert : alerts) {
    absl::Status status = PutBrief(database, alert);
    if (status.ok()) {
      status = set->Bind(1, std::max<int64_t>(alert.raised_unix_us(), 0))
                   .Bind(2, static_cast<int64_t>(alert.id()))
                   .Run();
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Files of before 2026-11-29 have no column for the time and no briefs;
// programs of before leave the marks at -1 and 0.
absl::Status AddWhatIsNew(Database& database) {
  absl::Status status =
      AddColumn(database, "raised_us", "INTEGER NOT NULL DEFAULT -1");
  if (status.ok()) {
    status = AddColumn(database, "briefed", "INTEGER NOT NULL DEFAULT 0");
  }
  if (status.ok()) status = database.Execute(kIndexes);
  if (status.ok()) {
    status = database.Execute(
        "DELETE FROM alert_brief WHERE id NOT IN (SELECT id FROM alert)");
  }
  while (status.ok()) {
    absl::StatusOr<Statement> unknown =
        database.Prepare("SELECT body, id FROM alert WHERE briefed=0 LIMIT ?");
    if (!unknown.ok()) return unknown.status();
    unknown->Bind(1, kBriefedAtOnce);
    const absl::StatusOr<std::vector<v1::Alert>> alerts = Collect(*unknown);
    if (!alerts.ok() || alerts->empty()) return alerts.status();
    unknown->Reset();
    Transaction transaction(database);
    status = transaction.Begin();
    if (status.ok()) status = PutBriefs(database, *alerts);
    if (status.ok()) status = transaction.Commit();
  }
  return status;
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
    if (query.brief) return FindBriefLocked(query);
    absl::StatusOr<Statement> find = database_->Prepare(SqlOf(query));
    if (!find.ok()) return find.status();
    find->Bind(1, query.at_least.value_or(v1::SEVERITY_UNSPECIFIED))
        .BindText(2, query.school)
        .BindText(3, query.subject)
        .Bind(4, static_cast<int64_t>(query.before_id))
        .Bind(5, ToMicros(query.raised_from))
        .Bind(6, ToMicros(query.raised_to))
        .Bind(7, static_cast<int64_t>(query.limit));
    absl::StatusOr<std::vector<v1::Alert>> found = Collect(*find);
    if (found.ok() && SortsItself(query)) SortAndCut(query.limit, &*found);
    return found;
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
    Transaction transaction(*database_);
    absl::Status status = transaction.Begin();
    uint64_t erased = 0;
    for (const char* what :
         {"DELETE FROM alert_brief WHERE (school, raised_us, id) IN"
          " (SELECT school, raised_us, id FROM alert WHERE ",
          "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE "}) {
      if (!status.ok()) return status;
      absl::StatusOr<Statement> erase = database_->Prepare(
          absl::StrCat(what,
                       "state=?1 AND last_us<?2 AND (?3='' OR school=?3)"
                       " AND id NOT IN (SELECT id FROM alert_hold))"));
      if (!erase.ok()) return erase.status();
      status = erase->Bind(1, v1::ALERT_STATE_CLOSED)
                   .Bind(2, absl::ToUnixMicros(now - keep))
                   .BindText(3, school)
                   .Run();
      erased = static_cast<uint64_t>(database_->Changes());
    }
    if (status.ok()) status = transaction.Commit();
    if (!status.ok()) return status;
    return erased;
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
    const absl::Status briefed = PutBrief(*database_, *alert);
    if (!briefed.ok()) return briefed;
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT OR REPLACE INTO"
        " alert(id, revision, school, severity, state, subject, last_us, body,"
        " raised_us, briefed) VALUES(?,?,?,?,?,?,?,?,?,1)");
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
            .Bind(9, std::max<int64_t>(alert->raised_unix_us(), 0))
            .Run();
    return stored.ok() ? PutHoldLocked(*alert) : stored;
  }

  absl::StatusOr<std::vector<v1::Alert>> FindBriefLocked(
      const AlertQuery& query) {
    absl::StatusOr<Statement> find = database_->Prepare(
        "SELECT body, id FROM alert_brief WHERE school=? AND raised_us>=?"
        " AND raised_us<? ORDER BY raised_us DESC, id DESC LIMIT ?");
    if (!find.ok()) return find.status();
    find->BindText(1, query.school)
        .Bind(2, ToMicros(query.raised_from))
        .Bind(3, ToMicros(query.raised_to))
        .Bind(4, static_cast<int64_t>(query.limit));
    return Collect(*find);
  }

  absl::Status PutHoldLocked(const v1::Alert& alert) {
    absl::StatusOr<Statement> hold = database_->Prepare(
        alert.has_hold() ? "INSERT OR IGNORE INTO alert_hold VALUES(?)"
                         : "DELETE FROM alert_hold WHERE id=?");
    if (!hold.ok()) return hold.status();
    return hold->Bind(1, static_cast<int64_t>(alert.id())).Run();
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
  absl::Status status = (*database)->Execute(kSchema);
  if (status.ok()) status = AddWhatIsNew(**database);
  if (!status.ok()) return status;
  return std::make_unique<SqliteAlertStore>(*std::move(database));
}

}  // namespace schoolgate::collector
