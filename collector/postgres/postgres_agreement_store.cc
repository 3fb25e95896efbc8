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

  absl::StatusOr<std::vector<BookPage>> Pages(
      const std::string& school, const std::string& book) override {
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT name, body, changed_by, changed_us FROM book_page"
        " WHERE school=$1 AND book=$2 ORDER BY name",
        Parameters().Bytes(school).Bytes(book));
    if (!rows.ok()) return rows.status();
    std::vector<BookPage> all;
    for (int row = 0; row < rows->size(); ++row) {
      all.push_back({.school = school,
                     .book = book,
                     .key = rows->Bytes(row, 0),
                     .text = rows->Bytes(row, 1),
                     .changed_by = rows->Bytes(row, 2),
                     .changed = FromMicros(rows->Int(row, 3))});
    }
    return all;
  }

  absl::Status PutPage(const BookPage& page) override {
    const absl::StatusOr<Rows> others = database_->Run(
        "SELECT count(*) FROM book_page"
        " WHERE school=$1 AND book=$2 AND name<>$3",
        Parameters().Bytes(page.school).Bytes(page.book).Bytes(page.key));
    if (!others.ok()) return others.status();
    const absl::Status fits =
        PageFits(page, static_cast<size_t>(others->Int(0, 0)));
    if (!fits.ok()) return fits;
    return database_
        ->Run(
            "INSERT INTO book_page VALUES($1,$2,$3,$4,$5,$6)"
            " ON CONFLICT (school, book, name) DO UPDATE SET"
            " body=excluded.body, changed_by=excluded.changed_by,"
            " changed_us=excluded.changed_us",
            Parameters()
                .Bytes(page.school)
                .Bytes(page.book)
                .Bytes(page.key)
                .Bytes(page.text)
                .Bytes(page.changed_by)
                .Int(ToMicros(page.changed)))
        .status();
  }

  absl::Status RemovePage(const std::string& school, const std::string& book,
                          const std::string& key) override {
    const absl::StatusOr<Rows> gone = database_->Run(
        "DELETE FROM book_page WHERE school=$1 AND book=$2 AND name=$3"
        " RETURNING name",
        Parameters().Bytes(school).Bytes(book).Bytes(key));
    if (!gone.ok()) return gone.status();
    return gone->size() > 0 ? absl::OkStatus() : absl::NotFoundError(key);
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
