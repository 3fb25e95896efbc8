// PostgreSQL as this program uses it: errors as Status, binary results,
// connections that are opened again when a server was lost. The only home of
// libpq.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct pg_conn;
struct pg_result;

namespace schoolgate::collector {

// What stands for $1, $2, ... in a statement. A value.
class Parameters {
 public:
  Parameters& Int(int64_t value);       // bigint
  Parameters& Bytes(std::string_view);  // bytea
  // bigint[] and bytea[], for unnest.
  Parameters& Ints(std::span<const int64_t> values);
  Parameters& BytesList(std::span<const std::string> values);

 private:
  friend class Connection;
  struct One {
    std::string value;
    bool binary;
  };
  std::vector<One> all_;
};

// Rows. Columns are bigint or bytea, nothing else.
class Rows {
 public:
  explicit Rows(pg_result* result);

  int size() const;
  int64_t Int(int row, int column) const;
  std::string Bytes(int row, int column) const;
  int64_t affected() const;  // rows changed, by a statement that changes

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

// One connection. Not thread-safe.
//
// Errors: UNAVAILABLE (no server, or it is shutting down), ALREADY_EXISTS (a
// constraint), PERMISSION_DENIED, RESOURCE_EXHAUSTED (its disk is full),
// INTERNAL (a mistake of ours).
class Connection {
 public:
  static absl::StatusOr<std::unique_ptr<Connection>> Open(
      const std::string& conninfo);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  absl::StatusOr<Rows> Run(const char* sql, const Parameters& parameters = {});
  // Several statements, no parameters, no rows.
  absl::Status Execute(const std::string& sql);
  // COPY ... FROM STDIN (FORMAT binary), all of it at once.
  absl::Status CopyIn(const std::string& sql, std::string_view bytes);

  // Whether the server was there when last spoken to.
  bool alive() const;

 private:
  explicit Connection(pg_conn* connection) : connection_(connection) {}
  absl::Status Explain(pg_result* result) const;

  pg_conn* const connection_;
};

// Connections to one database. Thread-safe.
class Postgres {
 public:
  static constexpr size_t kMostConnections = 8;

  // Tries to connect, and makes the tables that are missing. `conninfo` as
  // libpq takes it. FAILED_PRECONDITION: made by a newer version.
  static absl::StatusOr<std::shared_ptr<Postgres>> Open(
      const std::string& conninfo);

  // One statement. Sent again once when the connection turns out to be lost
  // before it was used.
  absl::StatusOr<Rows> Run(const char* sql, const Parameters& parameters = {});

  // `work` in one transaction: committed when it returns OK, else undone.
  // After an error of the commit itself nobody knows whether it was stored.
  absl::Status Transact(
      const std::function<absl::Status(Connection& connection)>& work);

 private:
  explicit Postgres(std::string conninfo) : conninfo_(std::move(conninfo)) {}

  // A connection, and its place in the pool until it is given back.
  absl::StatusOr<std::unique_ptr<Connection>> Take();
  void GiveBack(std::unique_ptr<Connection> connection);

  const std::string conninfo_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  size_t taken_ = 0;
};

}  // namespace schoolgate::collector
