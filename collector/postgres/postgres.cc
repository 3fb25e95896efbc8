#include "collector/postgres/postgres.h"

#include <libpq-fe.h>
#include <string.h>

#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "collector/postgres/schema.h"

namespace schoolgate::collector {
namespace {

constexpr int kBinary = 1;
constexpr size_t kCopyBytes = 1 << 20;
// A server that is gone is noticed within seconds, also when nothing says so.
constexpr std::array<std::pair<const char*, const char*>, 6> kDefaults = {{
    {"connect_timeout", "5"},
    {"keepalives_idle", "3"},
    {"keepalives_interval", "1"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "6000"},
    {"application_name", "schoolgate-collector"},
}};

// libpq ends its messages with a line break and may use several lines.
std::string OneLine(const char* message) {
  std::string line = message == nullptr ? "" : message;
  while (!line.empty() && line.back() == '\n') line.pop_back();
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  return line;
}

absl::Status NoServer(PGconn* connection) {
  return absl::UnavailableError(
      absl::StrCat("PostgreSQL: ", OneLine(PQerrorMessage(connection)),
                   ": check the server, and database in collector.yaml"));
}

std::string Hex(std::string_view bytes) {
  return "\\x" +
         absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

}  // namespace

Parameters& Parameters::Int(int64_t value) {
  all_.push_back({absl::StrCat(value), false});
  return *this;
}

Parameters& Parameters::Bytes(std::string_view bytes) {
  all_.push_back({std::string(bytes), true});
  return *this;
}

Parameters& Parameters::Ints(std::span<const int64_t> values) {
  std::string list = "{";
  for (const int64_t value : values) {
    absl::StrAppend(&list, list.size() > 1 ? "," : "", value);
  }
  all_.push_back({list + "}", false});
  return *this;
}

Parameters& Parameters::BytesList(std::span<const std::string> values) {
  std::string list = "{";
  for (const std::string& value : values) {
    absl::StrAppend(&list, list.size() > 1 ? "," : "", "\"\\", Hex(value),
                    "\"");
  }
  all_.push_back({list + "}", false});
  return *this;
}

Rows::Rows(PGresult* result) : result_(result) {}

void Rows::Clear::operator()(PGresult* result) const { PQclear(result); }

int Rows::size() const { return PQntuples(result_.get()); }

int64_t Rows::Int(int row, int column) const {
  const auto* bytes = reinterpret_cast<const unsigned char*>(
      PQgetvalue(result_.get(), row, column));
  uint64_t value = 0;
  for (int i = 0; i < PQgetlength(result_.get(), row, column); ++i) {
    value = value << 8 | bytes[i];
  }
  return static_cast<int64_t>(value);
}

std::string Rows::Bytes(int row, int column) const {
  return std::string(
      PQgetvalue(result_.get(), row, column),
      static_cast<size_t>(PQgetlength(result_.get(), row, column)));
}

int64_t Rows::affected() const {
  return strtoll(PQcmdTuples(result_.get()), nullptr, 10);
}

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(
    const std::string& conninfo) {
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : kDefaults) {
    keys.push_back(key);
    values.push_back(value);
  }
  // Given last, so that it overrides.
  keys.push_back("dbname");
  values.push_back(conninfo.c_str());
  keys.push_back(nullptr);
  values.push_back(nullptr);
  PGconn* handle = PQconnectdbParams(keys.data(), values.data(), 1);
  std::unique_ptr<Connection> connection(new Connection(handle));
  if (PQstatus(handle) != CONNECTION_OK) return NoServer(handle);
  PQsetNoticeProcessor(
      handle, [](void*, const char*) {}, nullptr);
  return connection;
}

Connection::~Connection() { PQfinish(connection_); }

bool Connection::alive() const {
  return PQstatus(connection_) == CONNECTION_OK;
}

absl::StatusOr<Rows> Connection::Run(const char* sql,
                                     const Parameters& parameters) {
  std::vector<const char*> values;
  std::vector<int> sizes, formats;
  for (const auto& [value, binary] : parameters.all_) {
    values.push_back(value.c_str());
    sizes.push_back(static_cast<int>(value.size()));
    formats.push_back(binary ? kBinary : 0);
  }
  PGresult* result =
      PQexecParams(connection_, sql, static_cast<int>(values.size()), nullptr,
                   values.data(), sizes.data(), formats.data(), kBinary);
  Rows rows(result);  // owns it from here
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    return Explain(result);
  }
  return rows;
}

absl::Status Connection::Execute(const std::string& sql) {
  PGresult* result = PQexec(connection_, sql.c_str());
  const Rows cleared(result);
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    return Explain(result);
  }
  return absl::OkStatus();
}

absl::Status Connection::CopyIn(const std::string& sql,
                                std::string_view bytes) {
  PGresult* begun = PQexec(connection_, sql.c_str());
  const bool ready = PQresultStatus(begun) == PGRES_COPY_IN;
  {
    const Rows cleared(begun);
    if (!ready) return Explain(begun);
  }
  const char* give_up = nullptr;
  while (!bytes.empty() && give_up == nullptr) {
    const std::string_view part = bytes.substr(0, kCopyBytes);
    if (PQputCopyData(connection_, part.data(),
                      static_cast<int>(part.size())) != 1) {
      give_up = "connection lost";
    }
    bytes.remove_prefix(part.size());
  }
  PQputCopyEnd(connection_, give_up);
  absl::Status status;
  while (PGresult* ended = PQgetResult(connection_)) {
    const Rows cleared(ended);
    if (PQresultStatus(ended) != PGRES_COMMAND_OK && status.ok()) {
      status = Explain(ended);
    }
  }
  if (status.ok() && give_up != nullptr) return NoServer(connection_);
  return status;
}

// The class of SQLSTATE says who is at fault.
absl::Status Connection::Explain(PGresult* result) const {
  const char* field = result == nullptr
                          ? nullptr
                          : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string state = field == nullptr ? "" : field;
  if (state.empty() || !alive() || absl::StartsWith(state, "08") ||
      absl::StartsWith(state, "57P")) {
    return NoServer(connection_);
  }
  const std::string what =
      absl::StrCat("PostgreSQL: ",
                   OneLine(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)),
                   " (", state, ")");
  if (absl::StartsWith(state, "23")) return absl::AlreadyExistsError(what);
  if (state == "42501" || absl::StartsWith(state, "28")) {
    return absl::PermissionDeniedError(
        absl::StrCat(what, ": let its user own the tables"));
  }
  if (absl::StartsWith(state, "53")) {
    return absl::ResourceExhaustedError(absl::StrCat(
        what, ": make room on its disk; nothing acknowledged is lost"));
  }
  if (absl::StartsWith(state, "40") || absl::StartsWith(state, "55") ||
      absl::StartsWith(state, "25")) {
    return absl::UnavailableError(absl::StrCat(what, ": try again"));
  }
  return absl::InternalError(what);
}

absl::StatusOr<std::shared_ptr<Postgres>> Postgres::Open(
    const std::string& conninfo) {
  std::shared_ptr<Postgres> database(new Postgres(conninfo));
  const absl::Status made = database->Transact(MakeTables);
  if (!made.ok()) return made;
  return database;
}

absl::StatusOr<Rows> Postgres::Run(const char* sql,
                                   const Parameters& parameters) {
  constexpr int kTries = 2;
  absl::StatusOr<Rows> rows = absl::UnavailableError("");
  for (int i = 0; i < kTries; ++i) {
    absl::StatusOr<std::unique_ptr<Connection>> connection = Take();
    if (!connection.ok()) return connection.status();
    rows = (*connection)->Run(sql, parameters);
    const bool lost = !(*connection)->alive();
    GiveBack(*std::move(connection));
    if (rows.ok() || !lost) break;
  }
  return rows;
}

absl::Status Postgres::Transact(
    const std::function<absl::Status(Connection& connection)>& work) {
  absl::StatusOr<std::unique_ptr<Connection>> connection = Take();
  if (!connection.ok()) return connection.status();
  absl::Status status = (*connection)->Execute("BEGIN");
  if (!status.ok() && !(*connection)->alive()) {
    // It was lost while it lay idle: nothing has begun yet.
    GiveBack(*std::move(connection));
    connection = Take();
    if (!connection.ok()) return connection.status();
    status = (*connection)->Execute("BEGIN");
  }
  if (status.ok()) status = work(**connection);
  if (status.ok()) {
    status = (*connection)->Execute("COMMIT");
  } else if ((*connection)->alive()) {
    (void)(*connection)->Execute("ROLLBACK");
  }
  GiveBack(*std::move(connection));
  return status;
}

absl::StatusOr<std::unique_ptr<Connection>> Postgres::Take() {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return taken_ < kMostConnections; });
    ++taken_;
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  absl::StatusOr<std::unique_ptr<Connection>> fresh =
      Connection::Open(conninfo_);
  if (!fresh.ok()) GiveBack(nullptr);
  return fresh;
}

void Postgres::GiveBack(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    --taken_;
    if (connection != nullptr && connection->alive()) {
      idle_.push_back(std::move(connection));
    } else {
      // The others that lie idle were most likely lost with it.
      idle_.clear();
    }
  }
  returned_.notify_one();
}

}  // namespace schoolgate::collector
