#include <mutex>

#include "absl/strings/str_cat.h"
#include "collector/store/feed_store.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS feed("
    "  name TEXT PRIMARY KEY, cursor INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL, next_us INTEGER NOT NULL,"
    "  sent INTEGER NOT NULL, dead INTEGER NOT NULL,"
    "  last_us INTEGER NOT NULL, error TEXT NOT NULL, day INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS feed_dead("
    "  name TEXT NOT NULL, alert INTEGER NOT NULL, revision INTEGER NOT NULL,"
    "  time_us INTEGER NOT NULL, why TEXT NOT NULL,"
    "  PRIMARY KEY(name, revision));"
    "CREATE TABLE IF NOT EXISTS feed_mark("
    "  name TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY(name, key));"
    "CREATE TABLE IF NOT EXISTS feed_token("
    "  id TEXT PRIMARY KEY, hash TEXT NOT NULL, account TEXT NOT NULL,"
    "  made_us INTEGER NOT NULL, withdrawn INTEGER NOT NULL)";

constexpr char kColumns[] =
    "name, cursor, attempts, next_us, sent, dead, last_us, error, day";

int64_t Micros(absl::Time time) {
  return time == absl::InfinitePast() ? 0 : absl::ToUnixMicros(time);
}
absl::Time TimeOf(int64_t micros) {
  return micros == 0 ? absl::InfinitePast() : absl::FromUnixMicros(micros);
}

FeedProgress FromRow(const Statement& row) {
  FeedProgress progress;
  progress.name = row.Bytes(0);
  progress.cursor = static_cast<uint64_t>(row.Int(1));
  progress.attempts = static_cast<uint32_t>(row.Int(2));
  progress.next_try = TimeOf(row.Int(3));
  progress.sent = static_cast<uint64_t>(row.Int(4));
  progress.dead = static_cast<uint64_t>(row.Int(5));
  progress.last_sent = TimeOf(row.Int(6));
  progress.last_error = row.Bytes(7);
  progress.last_day = row.Int(8);
  return progress;
}

class SqliteFeedStore : public FeedStore {
 public:
  explicit SqliteFeedStore(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  bool TakeTurn() override { return true; }  // a directory has one collector

  absl::StatusOr<FeedProgress> Progress(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> get = database_->Prepare(
        absl::StrCat("SELECT ", kColumns, " FROM feed WHERE name=?"));
    if (!get.ok()) return get.status();
    const absl::StatusOr<bool> row = get->BindText(1, name).Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError(absl::StrCat(name, ": never ran"));
    return FromRow(*get);
  }

  absl::Status Put(const FeedProgress& progress) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT OR REPLACE INTO feed VALUES(?,?,?,?,?,?,?,?,?)");
    if (!put.ok()) return put.status();
    return put->BindText(1, progress.name)
        .Bind(2, static_cast<int64_t>(progress.cursor))
        .Bind(3, progress.attempts)
        .Bind(4, Micros(progress.next_try))
        .Bind(5, static_cast<int64_t>(progress.sent))
        .Bind(6, static_cast<int64_t>(progress.dead))
        .Bind(7, Micros(progress.last_sent))
        .BindText(8, progress.last_error)
        .Bind(9, progress.last_day)
        .Run();
  }

  absl::StatusOr<std::vector<FeedProgress>> All() override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> rows = database_->Prepare(
        absl::StrCat("SELECT ", kColumns, " FROM feed ORDER BY name"));
    if (!rows.ok()) return rows.status();
    std::vector<FeedProgress> all;
    while (true) {
      const absl::StatusOr<bool> row = rows->Step();
      if (!row.ok()) return row.status();
      if (!*row) return all;
      all.push_back(FromRow(*rows));
    }
  }

  absl::Status Bury(const DeadLetter& letter) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT OR REPLACE INTO feed_dead VALUES(?,?,?,?,?)");
    if (!put.ok()) return put.status();
    return put->BindText(1, letter.name)
        .Bind(2, static_cast<int64_t>(letter.alert))
        .Bind(3, static_cast<int64_t>(letter.revision))
        .Bind(4, absl::ToUnixMicros(letter.time))
        .BindText(5, letter.why)
        .Run();
  }

  absl::StatusOr<std::vector<DeadLetter>> Dead(
      const std::string& name) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> rows = database_->Prepare(
        "SELECT alert, revision, time_us, why FROM feed_dead WHERE name=?"
        " ORDER BY revision");
    if (!rows.ok()) return rows.status();
    rows->BindText(1, name);
    std::vector<DeadLetter> letters;
    while (true) {
      const absl::StatusOr<bool> row = rows->Step();
      if (!row.ok()) return row.status();
      if (!*row) return letters;
      letters.push_back({.name = name,
                         .alert = static_cast<uint64_t>(rows->Int(0)),
                         .revision = static_cast<uint64_t>(rows->Int(1)),
                         .time = absl::FromUnixMicros(rows->Int(2)),
                         .why = rows->Bytes(3)});
    }
  }

  absl::Status Redeliver(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    absl::Status status = transaction.Begin();
    if (!status.ok()) return status;
    for (const char* sql :
         {"UPDATE feed SET cursor=min(cursor, (SELECT min(revision)-1 FROM"
          " feed_dead WHERE name=?1)), attempts=0, next_us=0, dead=0"
          " WHERE name=?1 AND EXISTS"
          " (SELECT 1 FROM feed_dead WHERE name=?1)",
          "DELETE FROM feed_dead WHERE name=?1"}) {
      absl::StatusOr<Statement> change = database_->Prepare(sql);
      if (!change.ok()) return change.status();
      status = change->BindText(1, name).Run();
      if (!status.ok()) return status;
    }
    return transaction.Commit();
  }

  absl::Status Mark(const std::string& name, const std::string& key) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> put =
        database_->Prepare("INSERT OR IGNORE INTO feed_mark VALUES(?,?)");
    if (!put.ok()) return put.status();
    return put->BindText(1, name).BindText(2, key).Run();
  }

  absl::StatusOr<bool> Marked(const std::string& name,
                              const std::string& key) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> get =
        database_->Prepare("SELECT 1 FROM feed_mark WHERE name=? AND key=?");
    if (!get.ok()) return get.status();
    return get->BindText(1, name).BindText(2, key).Step();
  }

  absl::Status PutToken(const FeedToken& token) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT OR REPLACE INTO feed_token VALUES(?,?,?,?,?)");
    if (!put.ok()) return put.status();
    return put->BindText(1, token.id)
        .BindText(2, token.secret_hash)
        .BindText(3, token.account)
        .Bind(4, absl::ToUnixMicros(token.made))
        .Bind(5, token.withdrawn ? 1 : 0)
        .Run();
  }

  absl::StatusOr<FeedToken> Token(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> get = database_->Prepare(
        "SELECT hash, account, made_us, withdrawn FROM feed_token WHERE id=?");
    if (!get.ok()) return get.status();
    const absl::StatusOr<bool> row = get->BindText(1, id).Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError(absl::StrCat(id, ": no such token"));
    return FeedToken{.id = id,
                     .secret_hash = get->Bytes(0),
                     .account = get->Bytes(1),
                     .made = absl::FromUnixMicros(get->Int(2)),
                     .withdrawn = get->Int(3) != 0};
  }

 private:
  std::mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FeedStore>> OpenSqliteFeedStore(
    const std::string& file) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteFeedStore>(*std::move(database));
}

}  // namespace schoolgate::collector
