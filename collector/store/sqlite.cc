#include "collector/store/sqlite.h"

#include <sqlite3.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr int kBusyTimeoutMs = 15'000;
constexpr int kPagesPerBackupStep = 1024;

// The connection whose transaction this thread is in.
thread_local const Database* in_transaction = nullptr;

absl::Status Explain(sqlite3* database, std::string_view file, int code) {
  const int extended =
      database != nullptr ? sqlite3_extended_errcode(database) : code;
  const char* why =
      database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  const std::string what =
      absl::StrCat(absl::string_view(file.data(), file.size()), ": ", why);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(absl::StrCat(
          what,
          ": the disk is full: free space; nothing acknowledged is lost"));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(
          absl::StrCat(what,
                       ": the file is damaged: keep it aside and run "
                       "`schoolgate-collector restore` with the last backup"));
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return absl::PermissionDeniedError(
          absl::StrCat(what, ": run as the user that owns the data directory"));
    case SQLITE_CANTOPEN:
      return absl::PermissionDeniedError(absl::StrCat(
          what,
          ": check that the directory exists, that this user may write "
          "there, and the limit on open files"));
    case SQLITE_CONSTRAINT:
      return absl::AlreadyExistsError(what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(
          absl::StrCat(what, " (", extended,
                       "): another process keeps it locked: try again"));
    default:
      return absl::UnavailableError(
          absl::StrCat(what, " (", extended, "): check the disk"));
  }
}

std::string FileOf(sqlite3* database) {
  const char* name = sqlite3_db_filename(database, "main");
  return name != nullptr ? name : "database";
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)),
      statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Bind(int index, int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
  return *this;
}

Statement& Statement::BindText(int index, std::string_view text) {
  sqlite3_bind_text(statement_, index, text.empty() ? "" : text.data(),
                    static_cast<int>(text.size()), SQLITE_STATIC);
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view bytes) {
  sqlite3_bind_blob(statement_, index, bytes.empty() ? "" : bytes.data(),
                    static_cast<int>(bytes.size()), SQLITE_STATIC);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  absl::Status status = Explain(database_, FileOf(database_), code);
  Reset();
  return status;
}

absl::Status Statement::Run() {
  while (true) {
    const absl::StatusOr<bool> row = Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
  }
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::Bytes(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr || size <= 0) return {};
  return std::string(static_cast<const char*>(bytes),
                     static_cast<size_t>(size));
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(
    const std::string& file, Mode mode) {
  const int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
      (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY
                               : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(handle, file));
  if (code != SQLITE_OK) return Explain(handle, file, code);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  absl::Status status = database->Execute(
      mode == Mode::kReadOnly
          ? "PRAGMA query_only=ON; SELECT count(*) FROM sqlite_master"
          : "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON");
  if (!status.ok()) return status;
  return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

absl::Status Database::MayBeUsed() const {
  if (in_transaction == nullptr || in_transaction == this ||
      in_transaction->file_ != file_) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(file_,
                   ": this thread is in a transaction of another store "
                   "there: this is a bug of ours: report it"));
}

absl::Status Database::Execute(const std::string& sql) {
  if (absl::Status may = MayBeUsed(); !may.ok()) return may;
  const int code =
      sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Explain(handle_, file_, code);
}

absl::StatusOr<Statement> Database::Prepare(std::string_view sql) {
  if (absl::Status may = MayBeUsed(); !may.ok()) return may;
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return Explain(handle_, file_, code);
  return Statement(handle_, statement);
}

int64_t Database::Changes() const { return sqlite3_changes64(handle_); }

int64_t Database::LastRowId() const {
  return sqlite3_last_insert_rowid(handle_);
}

absl::Status Database::BackUpTo(const std::string& file) {
  sqlite3* target = nullptr;
  int code = sqlite3_open_v2(
      file.c_str(), &target,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
      nullptr);
  absl::Status status;
  if (code == SQLITE_OK) {
    sqlite3_backup* backup =
        sqlite3_backup_init(target, "main", handle_, "main");
    if (backup == nullptr) {
      code = sqlite3_errcode(target);
    } else {
      do {
        code = sqlite3_backup_step(backup, kPagesPerBackupStep);
      } while (code == SQLITE_OK || code == SQLITE_BUSY ||
               code == SQLITE_LOCKED);
      code = sqlite3_backup_finish(backup);
    }
  }
  if (code != SQLITE_OK) status = Explain(target, file, code);
  sqlite3_close_v2(target);
  return status;
}

absl::Status Database::Check() {
  absl::StatusOr<Statement> check = Prepare("PRAGMA quick_check(1)");
  if (!check.ok()) return check.status();
  const absl::StatusOr<bool> row = check->Step();
  if (!row.ok()) return row.status();
  const std::string verdict = *row ? check->Bytes(0) : "no answer";
  if (verdict == "ok") return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(file_, ": ", verdict,
                   ": the file is damaged: keep it aside and run "
                   "`schoolgate-collector restore` with the last backup"));
}

Transaction::~Transaction() {
  if (open_) (void)database_.Execute("ROLLBACK");
  if (open_) in_transaction = nullptr;
}

absl::Status Transaction::Begin() {
  absl::Status status = database_.Execute("BEGIN IMMEDIATE");
  open_ = status.ok();
  if (open_) in_transaction = &database_;
  return status;
}

absl::Status Transaction::Commit() {
  absl::Status status = database_.Execute("COMMIT");
  if (!status.ok()) return status;
  open_ = false;
  in_transaction = nullptr;
  return status;
}

}  // namespace schoolgate::collector
