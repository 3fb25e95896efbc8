#include <algorithm>
#include <map>
#include <utility>

#include "collector/postgres/postgres_stores.h"

namespace schoolgate::collector {
namespace {

// All collectors ask this one clock, which stands still in a transaction. Of a
// server that took over with a clock behind, nothing is younger than new.
#define SG_NOW "(extract(epoch FROM now())*1000000)::bigint"
#define SG_PASSING       \
  "key, owner, body,"    \
  " greatest(0, " SG_NOW \
  " - begun_us),"        \
  " greatest(0, " SG_NOW " - used_us)"

Passing From(const Rows& rows, int row) {
  return {rows.Bytes(row, 0), rows.Bytes(row, 1), rows.Bytes(row, 2),
          absl::Microseconds(rows.Int(row, 3)),
          absl::Microseconds(rows.Int(row, 4))};
}

absl::StatusOr<Passing> One(const absl::StatusOr<Rows>& rows) {
  if (!rows.ok()) return rows.status();
  if (rows->size() == 0) return absl::NotFoundError("none");
  return From(*rows, 0);
}

bool Same(const Passing& a, const Passing& b) {
  return a.owner == b.owner && a.body == b.body && a.age == b.age &&
         a.quiet == b.quiet;
}

class PostgresPassingStore : public PassingStore {
 public:
  explicit PostgresPassingStore(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::StatusOr<Passing> Get(const std::string& kind, const std::string& key,
                              absl::Duration) override {
    return One(database_->Run("SELECT " SG_PASSING
                              " FROM passing WHERE kind=$1 AND key=$2",
                              Parameters().Bytes(kind).Bytes(key)));
  }

  absl::StatusOr<Passing> Take(const std::string& kind, const std::string& key,
                               absl::Duration) override {
    return One(database_->Run(
        "DELETE FROM passing WHERE kind=$1 AND key=$2 RETURNING " SG_PASSING,
        Parameters().Bytes(kind).Bytes(key)));
  }

  absl::Status Touch(const std::string& kind, const std::string& key,
                     absl::Duration) override {
    return database_
        ->Run("UPDATE passing SET used_us=" SG_NOW " WHERE kind=$1 AND key=$2",
              Parameters().Bytes(kind).Bytes(key))
        .status();
  }

  absl::Status Change(
      const std::string& kind, absl::Duration,
      absl::FunctionRef<void(std::vector<Passing>&)> change) override {
    return database_->Transact([&](Connection& connection) {
      return ChangeIn(connection, kind, change);
    });
  }

 private:
  static absl::Status ChangeIn(
      Connection& connection, const std::string& kind,
      absl::FunctionRef<void(std::vector<Passing>&)> change) {
    // One lock for all kinds: they are changed seldom, and in no time.
    const absl::Status alone =
        connection.Execute("SELECT pg_advisory_xact_lock(7305431, 4)");
    if (!alone.ok()) return alone;
    const absl::StatusOr<Rows> rows =
        connection.Run("SELECT " SG_PASSING
                       " FROM passing WHERE kind=$1 ORDER BY begun_us, key",
                       Parameters().Bytes(kind));
    if (!rows.ok()) return rows.status();
    std::vector<Passing> all;
    std::map<std::string, Passing> before;
    for (int row = 0; row < rows->size(); ++row) {
      all.push_back(From(*rows, row));
      before.emplace(all.back().key, all.back());
    }
    change(all);
    for (const Passing& one : all) {
      const auto was = before.extract(one.key);
      if (!was.empty() && Same(was.mapped(), one)) continue;
      const absl::Status put = Put(connection, kind, one);
      if (!put.ok()) return put;
    }
    for (const auto& [key, gone] : before) {
      const absl::Status removed =
          connection
              .Run("DELETE FROM passing WHERE kind=$1 AND key=$2",
                   Parameters().Bytes(kind).Bytes(key))
              .status();
      if (!removed.ok()) return removed;
    }
    return absl::OkStatus();
  }

  static absl::Status Put(Connection& connection, const std::string& kind,
                          const Passing& one) {
    return connection
        .Run("INSERT INTO passing VALUES($1,$2,$3,$4," SG_NOW "-$5," SG_NOW
             "-$6) ON CONFLICT (kind, key) DO UPDATE SET"
             " owner=excluded.owner, body=excluded.body,"
             " begun_us=excluded.begun_us, used_us=excluded.used_us",
             Parameters()
                 .Bytes(kind)
                 .Bytes(one.key)
                 .Bytes(one.owner)
                 .Bytes(one.body)
                 .Int(absl::ToInt64Microseconds(one.age))
                 .Int(absl::ToInt64Microseconds(one.quiet)))
        .status();
  }

  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<PassingStore> MakePostgresPassingStore(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresPassingStore>(std::move(database));
}

}  // namespace schoolgate::collector
