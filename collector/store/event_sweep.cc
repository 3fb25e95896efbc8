#include "collector/store/event_sweep.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "collector/store/sqlite.h"

namespace schoolgate::collector {
namespace {

constexpr char kForgetWords[] =
    "DELETE FROM word WHERE id NOT IN (SELECT school FROM event UNION"
    " SELECT device FROM event UNION SELECT subject FROM event UNION"
    " SELECT school FROM hour_count UNION SELECT grp FROM hour_count UNION"
    " SELECT category FROM hour_count)";

absl::StatusOr<std::map<int64_t, std::string>> SchoolsOf(Database& database) {
  absl::StatusOr<Statement> read = database.Prepare(
      "SELECT id, text FROM word WHERE id IN (SELECT DISTINCT school FROM"
      " event)");
  if (!read.ok()) return read.status();
  std::map<int64_t, std::string> schools;
  while (true) {
    const absl::StatusOr<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return schools;
    schools.emplace(read->Int(0), read->Bytes(1));
  }
}

absl::StatusOr<std::vector<int64_t>> RowsThatGo(Database& database,
                                                const IsOver& is_over) {
  const auto schools = SchoolsOf(database);
  if (!schools.ok()) return schools.status();
  absl::StatusOr<Statement> read =
      database.Prepare("SELECT id, school, body FROM event");
  if (!read.ok()) return read.status();
  std::vector<int64_t> rows;
  v1::Event event;
  while (true) {
    const absl::StatusOr<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return rows;
    const auto school = schools->find(read->Int(1));
    const std::string name = school == schools->end() ? "" : school->second;
    // What cannot be read is nobody's to keep.
    const bool health =
        event.ParseFromString(read->Bytes(2)) && IsHealth(event);
    if (is_over(name, health)) rows.push_back(read->Int(0));
  }
}

absl::Status Erase(Database& database, const std::vector<int64_t>& rows) {
  absl::StatusOr<Statement> erase =
      database.Prepare("DELETE FROM event WHERE id=?");
  if (!erase.ok()) return erase.status();
  for (const int64_t row : rows) {
    const absl::Status status = erase->Bind(1, row).Run();
    if (!status.ok()) return status;
  }
  return database.Execute(kForgetWords);
}

}  // namespace

bool IsHealth(const v1::Event& event) {
  return event.has_heartbeat() || event.has_tamper() || event.has_gap() ||
         event.has_self_test();
}

absl::Duration EventKeep::Longest() const {
  absl::Duration longest = std::max(others.contacts, others.health);
  for (const auto& [school, times] : schools) {
    longest = std::max({longest, times.contacts, times.health});
  }
  return longest;
}

absl::StatusOr<std::optional<uint64_t>> SweepFile(const std::string& path,
                                                  const std::string& mark,
                                                  const IsOver& is_over) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path);
  if (!database.ok()) return database.status();
  absl::Status status = (*database)->Execute(
      "PRAGMA secure_delete=ON;"
      "CREATE TABLE IF NOT EXISTS swept(mark TEXT PRIMARY KEY) WITHOUT ROWID");
  if (!status.ok()) return status;
  absl::StatusOr<Statement> marked =
      (*database)->Prepare("SELECT 1 FROM swept WHERE mark=?");
  if (!marked.ok()) return marked.status();
  const absl::StatusOr<bool> known = marked->BindText(1, mark).Step();
  if (!known.ok()) return known.status();
  if (*known) return std::nullopt;
  Transaction transaction(**database);
  status = transaction.Begin();
  if (!status.ok()) return status;
  const auto rows = RowsThatGo(**database, is_over);
  if (!rows.ok()) return rows.status();
  status = Erase(**database, *rows);
  if (!status.ok()) return status;
  absl::StatusOr<Statement> write =
      (*database)->Prepare("INSERT INTO swept VALUES(?)");
  if (!write.ok()) return write.status();
  status = write->BindText(1, mark).Run();
  if (status.ok()) status = transaction.Commit();
  // A reader that is open would keep what was erased in the file.
  if (status.ok()) {
    status = (*database)->Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  if (!status.ok()) return status;
  return rows->size();
}

}  // namespace schoolgate::collector
