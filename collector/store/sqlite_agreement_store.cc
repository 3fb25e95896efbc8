#include <mutex>

#include "absl/strings/str_cat.h"
#include "collector/store/agreement_store.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS digest_agreement("
    "  school TEXT NOT NULL, kind TEXT NOT NULL, in_digest INTEGER NOT NULL,"
    "  proposed_by TEXT NOT NULL, changed_by TEXT NOT NULL,"
    "  changed_us INTEGER NOT NULL, PRIMARY KEY(school, kind)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS published_report("
    "  school TEXT NOT NULL, period TEXT NOT NULL, body TEXT NOT NULL,"
    "  PRIMARY KEY(school, period)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS book_page("
    "  school TEXT NOT NULL, book TEXT NOT NULL, name TEXT NOT NULL,"
    "  body TEXT NOT NULL, changed_by TEXT NOT NULL,"
    "  changed_us INTEGER NOT NULL, PRIMARY KEY(school, book, name))"
    "  WITHOUT ROWID";

class SqliteAgreementStore : public AgreementStore {
 public:
  explicit SqliteAgreementStore(std::unique_ptr<Database> database)
      : database_(std::move(database)) {}

  absl::StatusOr<std::vector<DigestAgreement>> Agreements(
      const std::string& school) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> rows = database_->Prepare(
        "SELECT kind, in_digest, proposed_by, changed_by, changed_us"
        " FROM digest_agreement WHERE school=? ORDER BY kind");
    if (!rows.ok()) return rows.status();
    rows->BindText(1, school);
    std::vector<DigestAgreement> all;
    while (true) {
      const absl::StatusOr<bool> row = rows->Step();
      if (!row.ok()) return row.status();
      if (!*row) return all;
      all.push_back({.school = school,
                     .kind = rows->Bytes(0),
                     .in_digest = rows->Int(1) != 0,
                     .proposed_by = rows->Bytes(2),
                     .changed_by = rows->Bytes(3),
                     .changed = absl::FromUnixMicros(rows->Int(4))});
    }
  }

  absl::Status Put(const DigestAgreement& agreement) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT OR REPLACE INTO digest_agreement VALUES(?,?,?,?,?,?)");
    if (!put.ok()) return put.status();
    return put->BindText(1, agreement.school)
        .BindText(2, agreement.kind)
        .Bind(3, agreement.in_digest ? 1 : 0)
        .BindText(4, agreement.proposed_by)
        .BindText(5, agreement.changed_by)
        .Bind(6, agreement.changed == absl::InfinitePast()
                     ? 0
                     : absl::ToUnixMicros(agreement.changed))
        .Run();
  }

  absl::StatusOr<std::string> Publish(const std::string& school,
                                      const std::string& period,
                                      const std::string& text) override {
    {
      const std::lock_guard lock(mutex_);
      absl::StatusOr<Statement> put = database_->Prepare(
          "INSERT OR IGNORE INTO published_report VALUES(?,?,?)");
      if (!put.ok()) return put.status();
      const absl::Status status =
          put->BindText(1, school).BindText(2, period).BindText(3, text).Run();
      if (!status.ok()) return status;
    }
    return Published(school, period);
  }

  absl::StatusOr<std::string> Published(const std::string& school,
                                        const std::string& period) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> get = database_->Prepare(
        "SELECT body FROM published_report WHERE school=? AND period=?");
    if (!get.ok()) return get.status();
    const absl::StatusOr<bool> row =
        get->BindText(1, school).BindText(2, period).Step();
    if (!row.ok()) return row.status();
    if (!*row) {
      return absl::NotFoundError(absl::StrCat(period, ": not published"));
    }
    return get->Bytes(0);
  }

  absl::StatusOr<std::vector<PublishedText>> AllPublished(
      const std::string& school, const std::string& prefix,
      size_t limit) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> rows = database_->Prepare(
        "SELECT period, body FROM published_report WHERE school=?1 AND"
        " period>=?2 AND substr(period, 1, length(?2))=?2"
        " ORDER BY period DESC LIMIT ?3");
    if (!rows.ok()) return rows.status();
    rows->BindText(1, school).BindText(2, prefix).Bind(
        3, static_cast<int64_t>(limit));
    std::vector<PublishedText> all;
    while (true) {
      const absl::StatusOr<bool> row = rows->Step();
      if (!row.ok()) return row.status();
      if (!*row) return all;
      all.push_back({.period = rows->Bytes(0), .text = rows->Bytes(1)});
    }
  }

  absl::StatusOr<std::vector<BookPage>> Pages(
      const std::string& school, const std::string& book) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> rows = database_->Prepare(
        "SELECT name, body, changed_by, changed_us FROM book_page"
        " WHERE school=? AND book=? ORDER BY name");
    if (!rows.ok()) return rows.status();
    rows->BindText(1, school).BindText(2, book);
    std::vector<BookPage> all;
    while (true) {
      const absl::StatusOr<bool> row = rows->Step();
      if (!row.ok()) return row.status();
      if (!*row) return all;
      all.push_back({.school = school,
                     .book = book,
                     .key = rows->Bytes(0),
                     .text = rows->Bytes(1),
                     .changed_by = rows->Bytes(2),
                     .changed = absl::FromUnixMicros(rows->Int(3))});
    }
  }

  absl::Status PutPage(const BookPage& page) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> others = database_->Prepare(
        "SELECT count(*) FROM book_page WHERE school=? AND book=? AND name<>?");
    if (!others.ok()) return others.status();
    const absl::StatusOr<bool> row = others->BindText(1, page.school)
                                         .BindText(2, page.book)
                                         .BindText(3, page.key)
                                         .Step();
    if (!row.ok()) return row.status();
    const absl::Status fits =
        PageFits(page, static_cast<size_t>(others->Int(0)));
    if (!fits.ok()) return fits;
    absl::StatusOr<Statement> put = database_->Prepare(
        "INSERT OR REPLACE INTO book_page VALUES(?,?,?,?,?,?)");
    if (!put.ok()) return put.status();
    return put->BindText(1, page.school)
        .BindText(2, page.book)
        .BindText(3, page.key)
        .BindText(4, page.text)
        .BindText(5, page.changed_by)
        .Bind(6, absl::ToUnixMicros(page.changed))
        .Run();
  }

  absl::Status RemovePage(const std::string& school, const std::string& book,
                          const std::string& key) override {
    const std::lock_guard lock(mutex_);
    absl::StatusOr<Statement> remove = database_->Prepare(
        "DELETE FROM book_page WHERE school=? AND book=? AND name=?"
        " RETURNING 1");
    if (!remove.ok()) return remove.status();
    const absl::StatusOr<bool> row =
        remove->BindText(1, school).BindText(2, book).BindText(3, key).Step();
    if (!row.ok()) return row.status();
    return *row ? absl::OkStatus() : absl::NotFoundError(key);
  }

 private:
  std::mutex mutex_;
  const std::unique_ptr<Database> database_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AgreementStore>> OpenSqliteAgreementStore(
    const std::string& file) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(file);
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->Execute(kSchema);
  if (!status.ok()) return status;
  return std::make_unique<SqliteAgreementStore>(*std::move(database));
}

}  // namespace schoolgate::collector
