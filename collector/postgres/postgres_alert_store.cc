#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "collector/postgres/postgres_stores.h"
#include "collector/postgres/schema.h"
#include "collector/postgres/times.h"
#include "collector/store/alert_brief.h"

namespace schoolgate::collector {
namespace {

// How often a waiter looks for changes made by another collector.
constexpr absl::Duration kOthers = absl::Milliseconds(250);

absl::StatusOr<std::vector<v1::Alert>> AlertsFrom(
    const absl::StatusOr<Rows>& rows) {
  if (!rows.ok()) return rows.status();
  std::vector<v1::Alert> alerts(static_cast<size_t>(rows->size()));
  for (int row = 0; row < rows->size(); ++row) {
    if (!alerts[static_cast<size_t>(row)].ParseFromString(
            rows->Bytes(row, 0))) {
      return absl::DataLossError(
          absl::StrCat("alert ", rows->Int(row, 1), ": cannot be read"));
    }
  }
  return alerts;
}

class PostgresAlertStore : public AlertStore {
 public:
  explicit PostgresAlertStore(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::StatusOr<v1::Alert> Put(v1::Alert alert) override {
    const absl::Status status = database_->Transact(
        [&](Connection& connection) { return PutIn(connection, &alert); });
    if (!status.ok()) return status;
    Tell();
    return alert;
  }

  absl::StatusOr<v1::Alert> Get(uint64_t id) override {
    return One(database_->Run("SELECT body, id FROM alert WHERE id=$1",
                              Parameters().Int(static_cast<int64_t>(id))),
               id);
  }

  // Also safe against another collector: the row is locked.
  absl::StatusOr<v1::Alert> Update(
      uint64_t id,
      const std::function<absl::Status(v1::Alert*)>& change) override {
    absl::StatusOr<v1::Alert> alert = absl::InternalError("");
    const absl::Status status =
        database_->Transact([&](Connection& connection) {
          alert = One(connection.Run(
                          "SELECT body, id FROM alert WHERE id=$1 FOR UPDATE",
                          Parameters().Int(static_cast<int64_t>(id))),
                      id);
          if (!alert.ok()) return alert.status();
          const absl::Status changed = change(&*alert);
          return changed.ok() ? PutIn(connection, &*alert) : changed;
        });
    if (!status.ok()) return status;
    Tell();
    return alert;
  }

  absl::StatusOr<std::vector<v1::Alert>> Find(
      const AlertQuery& query) override {
    if (query.brief) return FindBrief(query);
    return AlertsFrom(database_->Run(
        "SELECT body, id FROM alert WHERE ($1::bytea='' OR school=$1)"
        " AND ($2::bigint=0 OR state<>$3) AND severity>=$4"
        " AND ($5::bytea='' OR subject=$5) AND ($6::bigint=0 OR id<$6)"
        " AND ($8::bigint=0 OR held=1)"
        " AND raised_us>=$9 AND raised_us<$10"
        " ORDER BY severity DESC, last_us DESC, id DESC LIMIT $7",
        Parameters()
            .Bytes(query.school)
            .Int(query.open_only ? 1 : 0)
            .Int(v1::ALERT_STATE_CLOSED)
            .Int(query.at_least.value_or(v1::SEVERITY_UNSPECIFIED))
            .Bytes(query.subject)
            .Int(static_cast<int64_t>(query.before_id))
            .Int(static_cast<int64_t>(query.limit))
            .Int(query.held_only ? 1 : 0)
            .Int(ToMicros(query.raised_from))
            .Int(ToMicros(query.raised_to))));
  }

  absl::StatusOr<std::vector<v1::Alert>> ChangesAfter(uint64_t after,
                                                      size_t limit) override {
    return AlertsFrom(
        database_->Run("SELECT body, id FROM alert WHERE revision>$1"
                       " ORDER BY revision LIMIT $2",
                       Parameters()
                           .Int(static_cast<int64_t>(after))
                           .Int(static_cast<int64_t>(limit))));
  }

  absl::StatusOr<uint64_t> Expire(absl::Time now, absl::Duration keep,
                                  const std::string& school) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "DELETE FROM alert WHERE state=$1 AND last_us<$2 AND held=0"
        " AND ($3::bytea='' OR school=$3)",
        Parameters()
            .Int(v1::ALERT_STATE_CLOSED)
            .Int(absl::ToUnixMicros(now - keep))
            .Bytes(school));
    if (!rows.ok()) return rows.status();
    return static_cast<uint64_t>(rows->affected());
  }

  uint64_t WaitForChange(uint64_t after, absl::Duration patience) override {
    std::unique_lock lock(mutex_);
    while (true) {
      const uint64_t told = told_;
      lock.unlock();
      const uint64_t newest = Newest();
      lock.lock();
      if (newest > after || closed_ || patience <= absl::ZeroDuration()) {
        return newest;
      }
      const absl::Duration slice = std::min(patience, kOthers);
      changed_.wait_for(lock, absl::ToChronoMicroseconds(slice),
                        [&] { return closed_ || told_ != told; });
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
  absl::StatusOr<std::vector<v1::Alert>> FindBrief(const AlertQuery& query) {
    return AlertsFrom(
        database_->Run("SELECT brief, id FROM alert WHERE school=$1"
                       " AND raised_us>=$2 AND raised_us<$3"
                       " ORDER BY raised_us DESC, id DESC LIMIT $4",
                       Parameters()
                           .Bytes(query.school)
                           .Int(ToMicros(query.raised_from))
                           .Int(ToMicros(query.raised_to))
                           .Int(static_cast<int64_t>(query.limit))));
  }

  static absl::StatusOr<v1::Alert> One(const absl::StatusOr<Rows>& rows,
                                       uint64_t id) {
    absl::StatusOr<std::vector<v1::Alert>> alerts = AlertsFrom(rows);
    if (!alerts.ok()) return alerts.status();
    if (alerts->empty()) {
      return absl::NotFoundError(absl::StrCat("alert ", id, ": none"));
    }
    return std::move(alerts->front());
  }

  // The counter's row stays locked until the commit, so that revisions are
  // seen in their order.
  static absl::Status PutIn(Connection& connection, v1::Alert* alert) {
    const absl::StatusOr<Rows> counter = connection.Run(
        "UPDATE alert_counter SET revision=revision+1, last_id=last_id+$1"
        " RETURNING revision, last_id",
        Parameters().Int(alert->id() == 0 ? 1 : 0));
    if (!counter.ok()) return counter.status();
    alert->set_revision(static_cast<uint64_t>(counter->Int(0, 0)));
    if (alert->id() == 0) {
      alert->set_id(static_cast<uint64_t>(counter->Int(0, 1)));
    }
    return connection
        .Run(
            "INSERT INTO alert(id, revision, school, severity, state, subject,"
            " last_us, body, held, raised_us, brief)"
            " VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)"
            " ON CONFLICT (id) DO UPDATE SET revision=excluded.revision,"
            " school=excluded.school, severity=excluded.severity,"
            " state=excluded.state, subject=excluded.subject,"
            " last_us=excluded.last_us, body=excluded.body,"
            " held=excluded.held, raised_us=excluded.raised_us,"
            " brief=excluded.brief",
            Parameters()
                .Int(static_cast<int64_t>(alert->id()))
                .Int(static_cast<int64_t>(alert->revision()))
                .Bytes(alert->school())
                .Int(alert->severity())
                .Int(alert->state())
                .Bytes(alert->subject())
                .Int(alert->last_unix_us())
                .Bytes(alert->SerializeAsString())
                .Int(alert->has_hold() ? 1 : 0)
                .Int(std::max<int64_t>(alert->raised_unix_us(), 0))
                .Bytes(BriefOf(*alert).SerializeAsString()))
        .status();
  }

  // 0 when it cannot be read: the reader that follows says why.
  uint64_t Newest() {
    const absl::StatusOr<Rows> rows =
        database_->Run("SELECT revision FROM alert_counter");
    return rows.ok() && rows->size() == 1
               ? static_cast<uint64_t>(rows->Int(0, 0))
               : 0;
  }

  void Tell() {
    {
      const std::lock_guard lock(mutex_);
      ++told_;
    }
    changed_.notify_all();
  }

  const std::shared_ptr<Postgres> database_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t told_ = 0;
  bool closed_ = false;
};

}  // namespace

absl::Status FillNewColumns(Connection& connection) {
  while (true) {
    const absl::StatusOr<Rows> rows = connection.Run(
        "SELECT body, id FROM alert WHERE raised_us<0 OR brief IS NULL"
        " LIMIT 10000");
    const absl::StatusOr<std::vector<v1::Alert>> alerts = AlertsFrom(rows);
    if (!alerts.ok() || alerts->empty()) return alerts.status();
    for (const v1::Alert& alert : *alerts) {
      const absl::Status set =
          connection
              .Run("UPDATE alert SET raised_us=$1, brief=$3 WHERE id=$2",
                   Parameters()
                       .Int(std::max<int64_t>(alert.raised_unix_us(), 0))
                       .Int(static_cast<int64_t>(alert.id()))
                       .Bytes(BriefOf(alert).SerializeAsString()))
              .status();
      if (!set.ok()) return set;
    }
  }
}

std::unique_ptr<AlertStore> MakePostgresAlertStore(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresAlertStore>(std::move(database));
}

}  // namespace schoolgate::collector
