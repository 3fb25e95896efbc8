#include <mutex>

#include "absl/strings/str_cat.h"
#include "collector/store/identity_store.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS identity("
    "  account TEXT PRIMARY KEY, email TEXT NOT NULL, issuer TEXT NOT NULL,"
    "  subject TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX IF NOT EXISTS identity_email ON identity(email)"
    "  WHERE email<>'';"
    "CREATE UNIQUE INDEX IF NOT EXISTS identity_subject"
    "  ON identity(issuer, subject) WHERE subject<>''";

constexpr char kSelect[] =
    "SELECT account, email, issuer, subject FROM identity";

class SqliteIdentityStore : public IdentityStore {
 public:
  explicit SqliteIdentityStore(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::Status Put(const Identity& identity) override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*database_);
    absl::Status status = transaction.Begin();
    if (!status.ok()) return status;
    absl::StatusOr<Statement> other = database_->Prepare(
        "SELECT account FROM identity WHERE account<>?1 AND"
        " ((email<>'' AND email=?2) OR"
        "  (subject<>'' AND issuer=?3 AND subject=?4))");
    if (!other.ok()) return other.status();
    const absl::StatusOr<bool> taken = other->BindText(1, identity.account)
                                           .BindText(2, identity.email)
                                           .BindText(3, identity.issuer)
                                           .BindText(4, identity.subject)
                                           .Step();
    if (!taken.ok()) return taken.status();
    if (*taken) {
      return absl::AlreadyExistsError(absl::StrCat(
          other->Bytes(0), ": this account belongs to that person already"));
    }
    absl::StatusOr<Statement> put =
        database_->Prepare("INSERT OR REPLACE INTO identity VALUES(?,?,?,?)");
    if (!put.ok()) return put.status();
    status = put->BindText(1, identity.account)
                 .BindText(2, identity.email)
                 .BindText(3, identity.issuer)
                 .BindText(4, identity.subject)
                 .Run();
    return status.ok() ? transaction.Commit() : status;
  }

  absl::Status Remove(const std::string& account) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> remove =
        database_->Prepare("DELETE FROM identity WHERE account=?");
    if (!remove.ok()) return remove.status();
    return remove->BindText(1, account).Run();
  }

  absl::StatusOr<std::vector<Identity>> All() override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> all =
        database_->Prepare(absl::StrCat(kSelect, " ORDER BY account"));
    if (!all.ok()) return all.status();
    std::vector<Identity> identities;
    while (true) {
      const absl::StatusOr<bool> row = all->Step();
      if (!row.ok()) return row.status();
      if (!*row) return identities;
      identities.push_back(From(*all));
    }
  }

  absl::StatusOr<Identity> BySubject(const std::string& issuer,
                                     const std::string& subject) override {
    return One("issuer=?1 AND subject=?2 AND subject<>''", {issuer, subject});
  }

  absl::StatusOr<Identity> ByEmail(const std::string& email) override {
    return One("email=?1 AND email<>''", {email});
  }

  absl::StatusOr<bool> Bind(const Identity& identity) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> bind = database_->Prepare(
        "UPDATE identity SET issuer=?3, subject=?4"
        " WHERE account=?1 AND email=?2 AND subject=''");
    if (!bind.ok()) return bind.status();
    const absl::Status status = bind->BindText(1, identity.account)
                                    .BindText(2, identity.email)
                                    .BindText(3, identity.issuer)
                                    .BindText(4, identity.subject)
                                    .Run();
    if (!status.ok()) return status;
    return database_->Changes() > 0;
  }

 private:
  static Identity From(const Statement& row) {
    return {row.Bytes(0), row.Bytes(1), row.Bytes(2), row.Bytes(3)};
  }

  absl::StatusOr<Identity> One(const char* where,
                               std::initializer_list<std::string> values) {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> get =
        database_->Prepare(absl::StrCat(kSelect, " WHERE ", where));
    if (!get.ok()) return get.status();
    int number = 0;
    for (const std::string& value : values) get->BindText(++number, value);
    const absl::StatusOr<bool> row = get->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError("no account belongs to this person");
    return From(*get);
  }

  std::mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<IdentityStore>> OpenSqliteIdentityStore(
    const std::string& file) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteIdentityStore>(*std::move(database));
}

}  // namespace schoolgate::collector
