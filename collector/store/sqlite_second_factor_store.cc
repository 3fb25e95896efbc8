#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "collector/store/second_factor_store.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS second_factor("
    "  account TEXT PRIMARY KEY, secret BLOB NOT NULL,"
    "  last_step INTEGER NOT NULL, recovery TEXT NOT NULL) WITHOUT ROWID";

class SqliteSecondFactorStore : public SecondFactorStore {
 public:
  explicit SqliteSecondFactorStore(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::StatusOr<SecondFactor> Get(const std::string& account) override {
    const std::lock_guard lock(mutex_);
    return GetLocked(account);
  }

  absl::Status Put(const SecondFactor& factor) override {
    const std::lock_guard lock(mutex_);
    return PutLocked(factor);
  }

  absl::Status Remove(const std::string& account) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> remove =
        database_->Prepare("DELETE FROM second_factor WHERE account=?");
    if (!remove.ok()) return remove.status();
    return remove->BindText(1, account).Run();
  }

  absl::StatusOr<bool> TakeStep(const std::string& account,
                                int64_t step) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> take = database_->Prepare(
        "UPDATE second_factor SET last_step=?2"
        " WHERE account=?1 AND last_step<?2");
    if (!take.ok()) return take.status();
    const absl::Status status = take->BindText(1, account).Bind(2, step).Run();
    if (!status.ok()) return status;
    return database_->Changes() > 0;
  }

  absl::StatusOr<bool> TakeRecovery(const std::string& account,
                                    const std::string& hash) override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    absl::Status status = transaction.Begin();
    if (!status.ok()) return status;
    absl::StatusOr<SecondFactor> factor = GetLocked(account);
    if (!factor.ok()) return factor.status();
    if (std::erase(factor->recovery_hashes, hash) == 0) return false;
    status = PutLocked(*factor);
    if (status.ok()) status = transaction.Commit();
    if (!status.ok()) return status;
    return true;
  }

 private:
  absl::StatusOr<SecondFactor> GetLocked(const std::string& account) {
    absl::StatusOr<Statement> get = database_->Prepare(
        "SELECT secret, last_step, recovery FROM second_factor"
        " WHERE account=?");
    if (!get.ok()) return get.status();
    const absl::StatusOr<bool> row = get->BindText(1, account).Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError(absl::StrCat(account, ": none"));
    SecondFactor factor;
    factor.account = account;
    factor.secret = get->Bytes(0);
    factor.last_step = get->Int(1);
    factor.recovery_hashes =
        absl::StrSplit(get->Bytes(2), ' ', absl::SkipEmpty());
    return factor;
  }

  absl::Status PutLocked(const SecondFactor& factor) {
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT OR REPLACE INTO second_factor VALUES(?,?,?,?)");
    if (!put.ok()) return put.status();
    const std::string recovery = absl::StrJoin(factor.recovery_hashes, " ");
    return put->BindText(1, factor.account)
        .BindBlob(2, factor.secret)
        .Bind(3, factor.last_step)
        .BindText(4, recovery)
        .Run();
  }

  std::mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SecondFactorStore>> OpenSqliteSecondFactorStore(
    const std::string& file) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteSecondFactorStore>(*std::move(database));
}

}  // namespace schoolgate::collector
