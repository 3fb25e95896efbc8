// SQLite as this program uses it: WAL, synchronous=FULL, errors as Status.
// The only home of sqlite3.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace schoolgate::collector {

// One prepared statement. Not thread-safe; must not outlive its Database.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Parameters count from 1. Text and blobs are borrowed until the next
  // Reset.
  Statement& Bind(int index, int64_t value);
  Statement& BindText(int index, std::string_view text);
  Statement& BindBlob(int index, std::string_view bytes);

  // True: a row is there. False: no more rows, and the statement is reset.
  absl::StatusOr<bool> Step();

  // Runs to the end, ignoring rows, and resets.
  absl::Status Run();

  void Reset();

  // Columns count from 0.
  int64_t Int(int column) const;
  std::string Bytes(int column) const;  // text or blob

 private:
  friend class Database;
  Statement(sqlite3* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  sqlite3* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
};

// One connection. Not thread-safe: its owner guards it.
class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };

  // Creates the file when it is not there (kReadWrite). Errors name the file:
  // PERMISSION_DENIED, DATA_LOSS (not a database, damaged), NOT_FOUND,
  // RESOURCE_EXHAUSTED (disk full), UNAVAILABLE (anything else of the disk).
  static absl::StatusOr<std::unique_ptr<Database>> Open(
      const std::string& file, Mode mode = Mode::kReadWrite);

  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::Status Execute(const std::string& sql);
  absl::StatusOr<Statement> Prepare(std::string_view sql);

  // Rows changed by the last statement; row id of the last insert.
  int64_t Changes() const;
  int64_t LastRowId() const;

  // Copies this database, as of one moment, into a new file. May run while
  // others write.
  absl::Status BackUpTo(const std::string& file);

  // DATA_LOSS when SQLite's own check finds damage.
  absl::Status Check();

 private:
  absl::Status MayBeUsed() const;

  Database(sqlite3* handle, std::string file)
      : handle_(handle), file_(std::move(file)) {}

  sqlite3* handle_;
  std::string file_;
};

// BEGIN IMMEDIATE now; ROLLBACK unless Commit returned OK. Meanwhile its thread
// gets no other connection to the file (FAILED_PRECONDITION): whoever holds the
// store behind that one may wait for this transaction.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  ~Transaction();

  absl::Status Begin();
  absl::Status Commit();

 private:
  Database& database_;
  bool open_ = false;
};

}  // namespace schoolgate::collector
