#include "collector/postgres/day_sweep.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "collector/postgres/event_streams.h"

namespace schoolgate::collector {
namespace {

// Whose time is over, for one day.
struct Over {
  std::vector<std::string> named;             // that have times of their own
  std::vector<std::string> contacts, health;  // of those, whose are over
  bool other_contacts = false, other_health = false;
  std::string mark;  // tells it from that of another moment; empty: nobody's
};

Over OverOn(int64_t day, absl::Time now, const EventKeep& keep) {
  const auto is_over = [&](absl::Duration time) {
    return day < DayOf(now - time);
  };
  Over over;
  const auto add = [&](const std::string& name, const KeepTimes& times) {
    const int which =
        (is_over(times.contacts) ? 1 : 0) + (is_over(times.health) ? 2 : 0);
    if (which != 0) absl::StrAppend(&over.mark, name, "=", which, ";");
    return which;
  };
  const int others = add("", keep.others);
  over.other_contacts = (others & 1) != 0;
  over.other_health = (others & 2) != 0;
  for (const auto& [school, times] : keep.schools) {
    over.named.push_back(school);
    const int which = add(school, times);
    if ((which & 1) != 0) over.contacts.push_back(school);
    if ((which & 2) != 0) over.health.push_back(school);
  }
  return over;
}

absl::Status Erase(Connection& connection, int64_t day, const Over& over,
                   uint64_t* erased) {
  const absl::StatusOr<Rows> gone = connection.Run(
      "DELETE FROM event WHERE day=$1 AND CASE WHEN health=0"
      " THEN school=ANY($2::bytea[]) OR ($4=1 AND school<>ALL($6::bytea[]))"
      " ELSE school=ANY($3::bytea[]) OR ($5=1 AND school<>ALL($6::bytea[]))"
      " END",
      Parameters()
          .Int(day)
          .BytesList(over.contacts)
          .BytesList(over.health)
          .Int(over.other_contacts ? 1 : 0)
          .Int(over.other_health ? 1 : 0)
          .BytesList(over.named));
  if (!gone.ok()) return gone.status();
  *erased = static_cast<uint64_t>(gone->affected());
  return connection
      .Run(
          "INSERT INTO event_sweep VALUES($1, $2) ON CONFLICT (day)"
          " DO UPDATE SET mark=excluded.mark",
          Parameters().Int(day).Bytes(over.mark))
      .status();
}

}  // namespace

absl::StatusOr<uint64_t> SweepOneDay(Postgres& database, absl::Time now,
                                     const EventKeep& keep) {
  // A day is a table: event_day_1020786 (postgres_event_store.cc).
  const absl::StatusOr<Rows> days = database.Run(
      "SELECT day, coalesce(mark, '') FROM (SELECT"
      " substring(relname::text FROM 11)::bigint - $1 AS day FROM pg_class"
      " JOIN pg_inherits ON inhrelid=pg_class.oid WHERE"
      " inhparent='event'::regclass) AS days LEFT JOIN event_sweep USING (day)"
      " ORDER BY day",
      Parameters().Int(kFirstDay));
  if (!days.ok()) return days.status();
  for (int row = 0; row + 1 < days->size(); ++row) {
    const int64_t day = days->Int(row, 0);
    const Over over = OverOn(day, now, keep);
    if (over.mark.empty() || over.mark == days->Bytes(row, 1)) continue;
    uint64_t erased = 0;
    const absl::Status status = database.Transact(
        [&](Connection& in) { return Erase(in, day, over, &erased); });
    if (!status.ok()) return status;
    if (erased > 0) return erased;
  }
  return 0;
}

}  // namespace schoolgate::collector
