#include "absl/strings/str_cat.h"
#include "collector/postgres/postgres_stores.h"

namespace schoolgate::collector {
namespace {

#define SG_SELECT_IDENTITY \
  "SELECT account, email, issuer, subject FROM identity"

Identity From(const Rows& rows, int row) {
  return {rows.Bytes(row, 0), rows.Bytes(row, 1), rows.Bytes(row, 2),
          rows.Bytes(row, 3)};
}

absl::StatusOr<Identity> One(const absl::StatusOr<Rows>& rows) {
  if (!rows.ok()) return rows.status();
  if (rows->size() == 0) {
    return absl::NotFoundError("no account belongs to this person");
  }
  return From(*rows, 0);
}

Parameters All4(const Identity& identity) {
  return Parameters()
      .Bytes(identity.account)
      .Bytes(identity.email)
      .Bytes(identity.issuer)
      .Bytes(identity.subject);
}

class PostgresIdentityStore : public IdentityStore {
 public:
  explicit PostgresIdentityStore(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  // Two that put the same person at once: the index refuses one of them.
  absl::Status Put(const Identity& identity) override {
    return database_->Transact([&](Connection& connection) {
      const absl::StatusOr<Rows> other = connection.Run(
          "SELECT account FROM identity WHERE account<>$1 AND"
          " ((email<>'' AND email=$2) OR"
          "  (subject<>'' AND issuer=$3 AND subject=$4))",
          All4(identity));
      if (!other.ok()) return other.status();
      if (other->size() > 0) {
        return absl::AlreadyExistsError(
            absl::StrCat(other->Bytes(0, 0),
                         ": this account belongs to that person already"));
      }
      return connection
          .Run(
              "INSERT INTO identity VALUES($1,$2,$3,$4)"
              " ON CONFLICT (account) DO UPDATE SET email=excluded.email,"
              " issuer=excluded.issuer, subject=excluded.subject",
              All4(identity))
          .status();
    });
  }

  absl::Status Remove(const std::string& account) override {
    return database_
        ->Run("DELETE FROM identity WHERE account=$1",
              Parameters().Bytes(account))
        .status();
  }

  absl::StatusOr<std::vector<Identity>> All() override {
    const absl::StatusOr<Rows> rows =
        database_->Run(SG_SELECT_IDENTITY " ORDER BY account");
    if (!rows.ok()) return rows.status();
    std::vector<Identity> identities;
    for (int row = 0; row < rows->size(); ++row) {
      identities.push_back(From(*rows, row));
    }
    return identities;
  }

  absl::StatusOr<Identity> BySubject(const std::string& issuer,
                                     const std::string& subject) override {
    return One(database_->Run(SG_SELECT_IDENTITY
                              " WHERE issuer=$1 AND subject=$2 AND subject<>''",
                              Parameters().Bytes(issuer).Bytes(subject)));
  }

  absl::StatusOr<Identity> ByEmail(const std::string& email) override {
    return One(database_->Run(SG_SELECT_IDENTITY
                              " WHERE email=$1 AND email<>''",
                              Parameters().Bytes(email)));
  }

  absl::StatusOr<bool> Bind(const Identity& identity) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "UPDATE identity SET issuer=$3, subject=$4"
        " WHERE account=$1 AND email=$2 AND subject=''",
        All4(identity));
    if (!rows.ok()) return rows.status();
    return rows->affected() > 0;
  }

 private:
  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<IdentityStore> MakePostgresIdentityStore(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresIdentityStore>(std::move(database));
}

}  // namespace schoolgate::collector
