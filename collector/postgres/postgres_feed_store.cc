#include <mutex>

#include "absl/strings/str_cat.h"
#include "collector/postgres/advisory_locks.h"
#include "collector/postgres/postgres_stores.h"
#include "collector/postgres/times.h"

namespace schoolgate::collector {
namespace {

#define SG_FEED_COLUMNS \
  "name, cursor, attempts, next_us, sent, dead, last_us, error, day"

FeedProgress ProgressFrom(const Rows& rows, int row) {
  FeedProgress progress;
  progress.name = rows.Bytes(row, 0);
  progress.cursor = static_cast<uint64_t>(rows.Int(row, 1));
  progress.attempts = static_cast<uint32_t>(rows.Int(row, 2));
  progress.next_try = FromMicros(rows.Int(row, 3));
  progress.sent = static_cast<uint64_t>(rows.Int(row, 4));
  progress.dead = static_cast<uint64_t>(rows.Int(row, 5));
  progress.last_sent = FromMicros(rows.Int(row, 6));
  progress.last_error = rows.Bytes(row, 7);
  progress.last_day = rows.Int(row, 8);
  return progress;
}

class PostgresFeedStore : public FeedStore {
 public:
  PostgresFeedStore(std::shared_ptr<Postgres> database, std::string conninfo)
      : database_(std::move(database)), turn_(std::move(conninfo), "feeds") {}

  bool TakeTurn() override {
    const std::lock_guard lock(mutex_);
    return !turn_.Turn({""}).empty();
  }

  absl::StatusOr<FeedProgress> Progress(const std::string& name) override {
    const absl::StatusOr<Rows> rows =
        database_->Run("SELECT " SG_FEED_COLUMNS " FROM feed WHERE name=$1",
                       Parameters().Bytes(name));
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) {
      return absl::NotFoundError(absl::StrCat(name, ": never ran"));
    }
    return ProgressFrom(*rows, 0);
  }

  absl::Status Put(const FeedProgress& progress) override {
    return database_
        ->Run("INSERT INTO feed(" SG_FEED_COLUMNS
              ") VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9)"
              " ON CONFLICT (name) DO UPDATE SET cursor=excluded.cursor,"
              " attempts=excluded.attempts, next_us=excluded.next_us,"
              " sent=excluded.sent, dead=excluded.dead,"
              " last_us=excluded.last_us, error=excluded.error,"
              " day=excluded.day",
              Parameters()
                  .Bytes(progress.name)
                  .Int(static_cast<int64_t>(progress.cursor))
                  .Int(progress.attempts)
                  .Int(ToMicros(progress.next_try))
                  .Int(static_cast<int64_t>(progress.sent))
                  .Int(static_cast<int64_t>(progress.dead))
                  .Int(ToMicros(progress.last_sent))
                  .Bytes(progress.last_error)
                  .Int(progress.last_day))
        .status();
  }

  absl::StatusOr<std::vector<FeedProgress>> All() override {
    const absl::StatusOr<Rows> rows =
        database_->Run("SELECT " SG_FEED_COLUMNS " FROM feed ORDER BY name");
    if (!rows.ok()) return rows.status();
    std::vector<FeedProgress> all;
    for (int row = 0; row < rows->size(); ++row) {
      all.push_back(ProgressFrom(*rows, row));
    }
    return all;
  }

  absl::Status Bury(const DeadLetter& letter) override {
    return database_
        ->Run(
            "INSERT INTO feed_dead VALUES($1,$2,$3,$4,$5)"
            " ON CONFLICT (name, revision) DO UPDATE SET"
            " alert=excluded.alert, time_us=excluded.time_us,"
            " why=excluded.why",
            Parameters()
                .Bytes(letter.name)
                .Int(static_cast<int64_t>(letter.alert))
                .Int(static_cast<int64_t>(letter.revision))
                .Int(ToMicros(letter.time))
                .Bytes(letter.why))
        .status();
  }

  absl::StatusOr<std::vector<DeadLetter>> Dead(
      const std::string& name) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT alert, revision, time_us, why FROM feed_dead WHERE name=$1"
        " ORDER BY revision",
        Parameters().Bytes(name));
    if (!rows.ok()) return rows.status();
    std::vector<DeadLetter> letters;
    for (int row = 0; row < rows->size(); ++row) {
      letters.push_back({.name = name,
                         .alert = static_cast<uint64_t>(rows->Int(row, 0)),
                         .revision = static_cast<uint64_t>(rows->Int(row, 1)),
                         .time = FromMicros(rows->Int(row, 2)),
                         .why = rows->Bytes(row, 3)});
    }
    return letters;
  }

  absl::Status Redeliver(const std::string& name) override {
    return database_->Transact([&](Connection& connection) {
      for (const char* sql :
           {"UPDATE feed SET cursor=least(cursor, oldest), attempts=0,"
            " next_us=0, dead=0 FROM (SELECT min(revision)-1 AS oldest"
            " FROM feed_dead WHERE name=$1) AS letters"
            " WHERE name=$1 AND oldest IS NOT NULL",
            "DELETE FROM feed_dead WHERE name=$1"}) {
        const absl::Status status =
            connection.Run(sql, Parameters().Bytes(name)).status();
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
  }

  absl::Status Mark(const std::string& name, const std::string& key) override {
    return database_
        ->Run("INSERT INTO feed_mark VALUES($1,$2) ON CONFLICT DO NOTHING",
              Parameters().Bytes(name).Bytes(key))
        .status();
  }

  absl::StatusOr<bool> Marked(const std::string& name,
                              const std::string& key) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT 1::bigint FROM feed_mark WHERE name=$1 AND key=$2",
        Parameters().Bytes(name).Bytes(key));
    if (!rows.ok()) return rows.status();
    return rows->size() > 0;
  }

  absl::Status PutToken(const FeedToken& token) override {
    return database_
        ->Run(
            "INSERT INTO feed_token VALUES($1,$2,$3,$4,$5)"
            " ON CONFLICT (id) DO UPDATE SET hash=excluded.hash,"
            " account=excluded.account, made_us=excluded.made_us,"
            " withdrawn=excluded.withdrawn",
            Parameters()
                .Bytes(token.id)
                .Bytes(token.secret_hash)
                .Bytes(token.account)
                .Int(ToMicros(token.made))
                .Int(token.withdrawn ? 1 : 0))
        .status();
  }

  absl::StatusOr<FeedToken> Token(const std::string& id) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT hash, account, made_us, withdrawn FROM feed_token WHERE id=$1",
        Parameters().Bytes(id));
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) {
      return absl::NotFoundError(absl::StrCat(id, ": no such token"));
    }
    return FeedToken{.id = id,
                     .secret_hash = rows->Bytes(0, 0),
                     .account = rows->Bytes(0, 1),
                     .made = FromMicros(rows->Int(0, 2)),
                     .withdrawn = rows->Int(0, 3) != 0};
  }

 private:
  const std::shared_ptr<Postgres> database_;
  std::mutex mutex_;
  AdvisoryLocks turn_;
};

}  // namespace

std::unique_ptr<FeedStore> MakePostgresFeedStore(
    std::shared_ptr<Postgres> database, std::string conninfo) {
  return std::make_unique<PostgresFeedStore>(std::move(database),
                                             std::move(conninfo));
}

}  // namespace schoolgate::collector
