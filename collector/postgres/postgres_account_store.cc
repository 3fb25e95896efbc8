#include "absl/strings/str_cat.h"
#include "collector/postgres/postgres_stores.h"
#include "collector/postgres/times.h"

namespace schoolgate::collector {
namespace {

#define SG_ACCOUNT_COLUMNS                                                  \
  "name, display_name, role, school, password_hash, must_change, failures," \
  " locked_until_us, own_pseudonym"

Account AccountFrom(const Rows& rows, int row) {
  Account account;
  account.name = rows.Bytes(row, 0);
  account.display_name = rows.Bytes(row, 1);
  account.role = static_cast<Role>(rows.Int(row, 2));
  account.school = rows.Bytes(row, 3);
  account.password_hash = rows.Bytes(row, 4);
  account.must_change_password = rows.Int(row, 5) != 0;
  account.failures = static_cast<uint32_t>(rows.Int(row, 6));
  account.locked_until = FromMicros(rows.Int(row, 7));
  account.own_pseudonym = rows.Bytes(row, 8);
  return account;
}

class PostgresAccountStore : public AccountStore {
 public:
  explicit PostgresAccountStore(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::Status Put(const Account& account) override {
    return database_
        ->Run("INSERT INTO account(" SG_ACCOUNT_COLUMNS
              ") VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9)"
              " ON CONFLICT (name) DO UPDATE SET"
              " display_name=excluded.display_name, role=excluded.role,"
              " school=excluded.school, password_hash=excluded.password_hash,"
              " must_change=excluded.must_change, failures=excluded.failures,"
              " locked_until_us=excluded.locked_until_us,"
              " own_pseudonym=excluded.own_pseudonym",
              Parameters()
                  .Bytes(account.name)
                  .Bytes(account.display_name)
                  .Int(static_cast<int64_t>(account.role))
                  .Bytes(account.school)
                  .Bytes(account.password_hash)
                  .Int(account.must_change_password ? 1 : 0)
                  .Int(account.failures)
                  .Int(ToMicros(account.locked_until))
                  .Bytes(account.own_pseudonym))
        .status();
  }

  absl::StatusOr<Account> Get(const std::string& name) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT " SG_ACCOUNT_COLUMNS " FROM account WHERE name=$1",
        Parameters().Bytes(name));
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) {
      return absl::NotFoundError(absl::StrCat(name, ": no account"));
    }
    return AccountFrom(*rows, 0);
  }

  absl::StatusOr<std::vector<Account>> All() override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT " SG_ACCOUNT_COLUMNS " FROM account ORDER BY name");
    if (!rows.ok()) return rows.status();
    std::vector<Account> accounts;
    for (int row = 0; row < rows->size(); ++row) {
      accounts.push_back(AccountFrom(*rows, row));
    }
    return accounts;
  }

 private:
  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<AccountStore> MakePostgresAccountStore(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresAccountStore>(std::move(database));
}

}  // namespace schoolgate::collector
