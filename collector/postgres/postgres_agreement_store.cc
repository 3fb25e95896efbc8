#include "absl/strings/str_cat.h"
#include "collector/postgres/postgres_stores.h"
#include "collector/postgres/times.h"

namespace schoolgate::collector {
namespace {

class PostgresAgreementStore : public AgreementStore {
 public:
  explicit PostgresAgreementStore(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::StatusOr<std::vector<DigestAgreement>> Agreements(
      const std::string& school) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT kind, in_digest, proposed_by, changed_by, changed_us"
        " FROM digest_agreement WHERE school=$1 ORDER BY kind",
        Parameters().Bytes(school));
    if (!rows.ok()) return rows.status();
    std::vector<DigestAgreement> all;
    for (int row = 0; row < rows->size(); ++row) {
      all.push_back({.school = school,
                     .kind = rows->Bytes(row, 0),
                     .in_digest = rows->Int(row, 1) != 0,
                     .proposed_by = rows->Bytes(row, 2),
                     .changed_by = rows->Bytes(row, 3),
                     .changed = FromMicros(rows->Int(row, 4))});
    }
    return all;
  }

  absl::Status Put(const DigestAgreement& agreement) override {
    return database_
        ->Run(
            "INSERT INTO digest_agreement VALUES($1,$2,$3,$4,$5,$6)"
            " ON CONFLICT (school, kind) DO UPDATE SET"
            " in_digest=excluded.in_digest,"
            " proposed_by=excluded.proposed_by,"
            " changed_by=excluded.changed_by,"
            " changed_us=excluded.changed_us",
            Parameters()
                .Bytes(agreement.school)
                .Bytes(agreement.kind)
                .Int(agreement.in_digest ? 1 : 0)
                .Bytes(agreement.proposed_by)
                .Bytes(agreement.changed_by)
                .Int(ToMicros(agreement.changed)))
        .status();
  }

  absl::StatusOr<std::string> Publish(const std::string& school,
                                      const std::string& period,
                                      const std::string& text) override {
    const absl::Status put =
        database_
            ->Run(
                "INSERT INTO published_report VALUES($1,$2,$3)"
                " ON CONFLICT DO NOTHING",
                Parameters().Bytes(school).Bytes(period).Bytes(text))
            .status();
    if (!put.ok()) return put;
    return Published(school, period);
  }

  absl::StatusOr<std::string> Published(const std::string& school,
                                        const std::string& period) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT body FROM published_report WHERE school=$1 AND period=$2",
        Parameters().Bytes(school).Bytes(period));
    if (!rows.ok()) return rows.status();
    if (rows->size() == 0) {
      return absl::NotFoundError(absl::StrCat(period, ": not published"));
    }
    return rows->Bytes(0, 0);
  }

  absl::StatusOr<std::vector<PublishedText>> AllPublished(
      const std::string& school, const std::string& prefix,
      size_t limit) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT period, body FROM published_report WHERE school=$1 AND"
        " period>=$2 AND substring(period from 1 for length($2))=$2"
        " ORDER BY period DESC LIMIT $3",
        Parameters().Bytes(school).Bytes(prefix).Int(
            static_cast<int64_t>(limit)));
    if (!rows.ok()) return rows.status();
    std::vector<PublishedText> all;
    for (int row = 0; row < rows->size(); ++row) {
      all.push_back(
          {.period = rows->Bytes(row, 0), .text = rows->Bytes(row, 1)});
    }
    return all;
  }

 private:
  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<AgreementStore> MakePostgresAgreementStore(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresAgreementStore>(std::move(database));
}

}  // namespace schoolgate::collector
