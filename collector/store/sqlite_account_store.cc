#include <mutex>

#include "absl/strings/str_cat.h"
#include "collector/store/account_store.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS account("
    "  name TEXT PRIMARY KEY, display_name TEXT NOT NULL,"
    "  role INTEGER NOT NULL, school TEXT NOT NULL,"
    "  password_hash TEXT NOT NULL, must_change INTEGER NOT NULL,"
    "  failures INTEGER NOT NULL, locked_until_us INTEGER NOT NULL,"
    "  own_pseudonym TEXT NOT NULL) WITHOUT ROWID";

constexpr char kColumns[] =
    "name, display_name, role, school, password_hash, must_change, failures,"
    "locked_until_us, own_pseudonym";

int64_t ToMicros(absl::Time time) {
  return time == absl::InfinitePast() ? INT64_MIN : absl::ToUnixMicros(time);
}

absl::Time FromMicros(int64_t micros) {
  return micros == INT64_MIN ? absl::InfinitePast()
                             : absl::FromUnixMicros(micros);
}

Account FromRow(const Statement& row) {
  Account account;
  account.name = row.Bytes(0);
  account.display_name = row.Bytes(1);
  account.role = static_cast<Role>(row.Int(2));
  account.school = row.Bytes(3);
  account.password_hash = row.Bytes(4);
  account.must_change_password = row.Int(5) != 0;
  account.failures = static_cast<uint32_t>(row.Int(6));
  account.locked_until = FromMicros(row.Int(7));
  account.own_pseudonym = row.Bytes(8);
  return account;
}

class SqliteAccountStore : public AccountStore {
 public:
  explicit SqliteAccountStore(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::Status Put(const Account& account) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> put = database_->Prepare(
        absl::StrCat("INSERT OR REPLACE INTO account(", kColumns,
                     ") VALUES(?,?,?,?,?,?,?,?,?)"));
    if (!put.ok()) return put.status();
    return put->BindText(1, account.name)
        .BindText(2, account.display_name)
        .Bind(3, static_cast<int64_t>(account.role))
        .BindText(4, account.school)
        .BindText(5, account.password_hash)
        .Bind(6, account.must_change_password ? 1 : 0)
        .Bind(7, account.failures)
        .Bind(8, ToMicros(account.locked_until))
        .BindText(9, account.own_pseudonym)
        .Run();
  }

  absl::StatusOr<Account> Get(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> get = database_->Prepare(
        absl::StrCat("SELECT ", kColumns, " FROM account WHERE name=?"));
    if (!get.ok()) return get.status();
    const absl::StatusOr<bool> row = get->BindText(1, name).Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError(absl::StrCat(name, ": no account"));
    return FromRow(*get);
  }

  absl::StatusOr<std::vector<Account>> All() override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> all = database_->Prepare(
        absl::StrCat("SELECT ", kColumns, " FROM account ORDER BY name"));
    if (!all.ok()) return all.status();
    std::vector<Account> accounts;
    while (true) {
      const absl::StatusOr<bool> row = all->Step();
      if (!row.ok()) return row.status();
      if (!*row) return accounts;
      accounts.push_back(FromRow(*all));
    }
  }

 private:
  std::mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AccountStore>> OpenSqliteAccountStore(
    const std::string& file) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteAccountStore>(*std::move(database));
}

}  // namespace schoolgate::collector
