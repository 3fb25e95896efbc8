#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "collector/postgres/postgres_stores.h"

namespace schoolgate::collector {
namespace {

absl::StatusOr<SecondFactor> One(const absl::StatusOr<Rows>& rows,
                                 const std::string& account) {
  if (!rows.ok()) return rows.status();
  if (rows->size() == 0) {
    return absl::NotFoundError(absl::StrCat(account, ": none"));
  }
  SecondFactor factor;
  factor.account = account;
  factor.secret = rows->Bytes(0, 0);
  factor.last_step = rows->Int(0, 1);
  factor.recovery_hashes =
      absl::StrSplit(rows->Bytes(0, 2), ' ', absl::SkipEmpty());
  return factor;
}

absl::Status PutIn(Connection& connection, const SecondFactor& factor) {
  return connection
      .Run(
          "INSERT INTO second_factor VALUES($1,$2,$3,$4)"
          " ON CONFLICT (account) DO UPDATE SET secret=excluded.secret,"
          " last_step=excluded.last_step, recovery=excluded.recovery",
          Parameters()
              .Bytes(factor.account)
              .Bytes(factor.secret)
              .Int(factor.last_step)
              .Bytes(absl::StrJoin(factor.recovery_hashes, " ")))
      .status();
}

class PostgresSecondFactorStore : public SecondFactorStore {
 public:
  explicit PostgresSecondFactorStore(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::StatusOr<SecondFactor> Get(const std::string& account) override {
    return One(database_->Run("SELECT secret, last_step, recovery"
                              " FROM second_factor WHERE account=$1",
                              Parameters().Bytes(account)),
               account);
  }

  absl::Status Put(const SecondFactor& factor) override {
    return database_->Transact(
        [&](Connection& connection) { return PutIn(connection, factor); });
  }

  absl::Status Remove(const std::string& account) override {
    return database_
        ->Run("DELETE FROM second_factor WHERE account=$1",
              Parameters().Bytes(account))
        .status();
  }

  absl::StatusOr<bool> TakeStep(const std::string& account,
                                int64_t step) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "UPDATE second_factor SET last_step=$2"
        " WHERE account=$1 AND last_step<$2",
        Parameters().Bytes(account).Int(step));
    if (!rows.ok()) return rows.status();
    return rows->affected() > 0;
  }

  // The row stays locked until the commit: nobody takes the same code.
  absl::StatusOr<bool> TakeRecovery(const std::string& account,
                                    const std::string& hash) override {
    bool taken = false;
    const absl::Status status =
        database_->Transact([&](Connection& connection) {
          absl::StatusOr<SecondFactor> factor =
              One(connection.Run("SELECT secret, last_step, recovery FROM"
                                 " second_factor WHERE account=$1 FOR UPDATE",
                                 Parameters().Bytes(account)),
                  account);
          if (!factor.ok()) return factor.status();
          taken = std::erase(factor->recovery_hashes, hash) > 0;
          return taken ? PutIn(connection, *factor) : absl::OkStatus();
        });
    if (!status.ok()) return status;
    return taken;
  }

 private:
  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<SecondFactorStore> MakePostgresSecondFactorStore(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresSecondFactorStore>(std::move(database));
}

}  // namespace schoolgate::collector
