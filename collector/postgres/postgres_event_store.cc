#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "collector/postgres/copy_rows.h"
#include "collector/postgres/day_sweep.h"
#include "collector/postgres/event_streams.h"
#include "collector/postgres/postgres_stores.h"
#include "collector/postgres/times.h"
#include "collector/store/event_sweep.h"

namespace schoolgate::collector {
namespace {

class PostgresEventStore : public EventStore {
 public:
  explicit PostgresEventStore(std::shared_ptr<Postgres> database)
      : database_(std::move(database)) {}

  absl::StatusOr<std::vector<StoredEvent>> Append(
      std::vector<StoredEvent> events) override {
    std::vector<StoredEvent> fresh;
    const absl::Status status =
        database_->Transact([&](Connection& connection) {
          return AppendIn(connection, std::move(events), &fresh);
        });
    if (!status.ok()) return status;
    return fresh;
  }

  absl::StatusOr<uint64_t> DurableSequence(const std::string& device,
                                           uint64_t epoch) override {
    return DurableIn(*database_, device, epoch);
  }

  absl::StatusOr<std::vector<StoredEvent>> Find(
      const EventQuery& query) override {
    // What happened after `from` was received on its day or later; a day is
    // left for clocks that disagree.
    const int64_t first_day =
        query.from == absl::InfinitePast() ? INT64_MIN : DayOf(query.from) - 1;
    uint64_t last = 0;
    return Events(
        database_->Run(
            "SELECT id, happened_us, received_us, school, device, epoch, body"
            " FROM event WHERE day>=$1 AND happened_us>=$2 AND happened_us<$3"
            " AND ($4::bytea='' OR school=$4) AND ($5::bytea='' OR device=$5)"
            " AND ($6::bytea='' OR subject=$6)"
            " ORDER BY happened_us DESC, id DESC LIMIT $7",
            Parameters()
                .Int(first_day)
                .Int(ToMicros(query.from))
                .Int(ToMicros(query.to))
                .Bytes(query.school)
                .Bytes(query.device)
                .Bytes(query.subject)
                .Int(static_cast<int64_t>(
                    std::min<size_t>(query.limit, INT32_MAX)))),
        &last);
  }

  absl::StatusOr<std::vector<StoredEvent>> ReadAfter(uint64_t cursor,
                                                     size_t limit,
                                                     uint64_t* next) override {
    *next = cursor;
    return Events(
        database_->Run(
            "SELECT id, happened_us, received_us, school, device, epoch, body"
            " FROM event WHERE id>$1 ORDER BY id LIMIT $2",
            Parameters()
                .Int(Signed(cursor))
                .Int(static_cast<int64_t>(std::min<size_t>(limit, INT32_MAX)))),
        next);
  }

  absl::StatusOr<uint64_t> CursorAt(absl::Time time) override {
    if (time == absl::InfinitePast()) return 0;
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT coalesce((SELECT min(id)-1 FROM event WHERE day>=$1),"
        " (SELECT max(id) FROM event), 0)",
        Parameters().Int(DayOf(time)));
    if (!rows.ok()) return rows.status();
    return static_cast<uint64_t>(rows->Int(0, 0));
  }

  absl::StatusOr<std::vector<HourCount>> Counts(const std::string& school,
                                                absl::Time from,
                                                absl::Time to) override {
    return CountsIn(*database_, school, from, to);
  }

  absl::StatusOr<uint64_t> Expire(absl::Time now,
                                  absl::Duration keep) override {
    const int64_t oldest = DayOf(now - keep);
    uint64_t erased = 0;
    const absl::Status status =
        database_->Transact([&](Connection& connection) {
          return ExpireIn(connection, oldest, &erased);
        });
    if (!status.ok()) return status;
    return erased;
  }

  absl::StatusOr<uint64_t> Sweep(absl::Time now,
                                 const EventKeep& keep) override {
    return SweepOneDay(*database_, now, keep);
  }

 private:
  static absl::StatusOr<std::vector<StoredEvent>> Events(
      const absl::StatusOr<Rows>& rows, uint64_t* last) {
    if (!rows.ok()) return rows.status();
    std::vector<StoredEvent> events;
    events.reserve(static_cast<size_t>(rows->size()));
    for (int row = 0; row < rows->size(); ++row) {
      StoredEvent& event = events.emplace_back();
      *last = static_cast<uint64_t>(rows->Int(row, 0));
      event.happened = FromMicros(rows->Int(row, 1));
      event.received = FromMicros(rows->Int(row, 2));
      event.school = rows->Bytes(row, 3);
      event.device = rows->Bytes(row, 4);
      event.epoch = static_cast<uint64_t>(rows->Int(row, 5));
      if (!event.event.ParseFromString(rows->Bytes(row, 6))) {
        return absl::DataLossError(
            absl::StrCat("event ", rows->Int(row, 0), ": cannot be read"));
      }
    }
    return events;
  }

  static absl::Status AppendIn(Connection& connection,
                               std::vector<StoredEvent> events,
                               std::vector<StoredEvent>* fresh) {
    // One append at a time over all collectors, until its commit: ids are then
    // seen in their order, and what is known cannot change under us.
    absl::Status status = LockAppends(connection);
    if (!status.ok()) return status;
    absl::StatusOr<DeviceStreams> streams = ReadStreams(connection, events);
    if (!streams.ok()) return streams.status();
    for (StoredEvent& event : events) {
      StreamProgress& progress = (*streams)[{event.device, event.epoch}];
      const uint64_t sequence = event.event.sequence();
      if (!progress.Has(sequence) && progress.Add(sequence, sequence)) {
        fresh->push_back(std::move(event));
      }
    }
    if (fresh->empty()) return absl::OkStatus();
    status = MakeDays(connection, *fresh);
    if (status.ok()) status = WriteEvents(connection, *fresh);
    if (status.ok()) status = WriteStreams(connection, *streams);
    if (status.ok()) status = AddCounts(connection, *fresh);
    return status;
  }

  static absl::Status MakeDays(Connection& connection,
                               const std::vector<StoredEvent>& events) {
    std::set<int64_t> days;
    for (const StoredEvent& event : events) days.insert(DayOf(event.received));
    for (const int64_t day : days) {
      const std::string name = absl::StrCat("event_day_", day + kFirstDay);
      const absl::StatusOr<Rows> there = connection.Run(
          "SELECT count(*) FROM pg_class WHERE relname="
          "convert_from($1::bytea, 'UTF8') AND relnamespace="
          "current_schema()::regnamespace",
          Parameters().Bytes(name));
      if (!there.ok()) return there.status();
      if (there->Int(0, 0) > 0) continue;
      const absl::Status made =
          connection.Execute(absl::StrCat("CREATE TABLE ", name,
                                          " PARTITION OF event FOR VALUES"
                                          " FROM (",
                                          day, ") TO (", day + 1, ")"));
      if (!made.ok()) return made;
    }
    return absl::OkStatus();
  }

  static absl::Status WriteEvents(Connection& connection,
                                  const std::vector<StoredEvent>& events) {
    CopyRows rows;
    std::string body;
    for (const StoredEvent& event : events) {
      body.clear();
      event.event.AppendToString(&body);
      rows.Begin(9)
          .Int(DayOf(event.received))
          .Int(absl::ToUnixMicros(event.happened))
          .Int(absl::ToUnixMicros(event.received))
          .Bytes(event.school)
          .Bytes(event.device)
          .Bytes(event.event.person().pseudonym())
          .Int(Signed(event.epoch))
          .Bytes(body)
          .Int(IsHealth(event.event) ? 1 : 0);
    }
    return connection.CopyIn(
        "COPY event(day, happened_us, received_us, school, device, subject,"
        " epoch, body, health) FROM STDIN (FORMAT binary)",
        rows.Finish());
  }

  // A day goes with its table. The newest stays, as its ids are still needed.
  static absl::Status ExpireIn(Connection& connection, int64_t oldest,
                               uint64_t* erased) {
    absl::Status status = LockAppends(connection);
    if (!status.ok()) return status;
    const absl::StatusOr<Rows> days = connection.Run(
        "SELECT day, count(*) FROM event WHERE day<$1 AND"
        " day<(SELECT max(day) FROM event) GROUP BY day",
        Parameters().Int(oldest));
    if (!days.ok()) return days.status();
    for (int row = 0; row < days->size(); ++row) {
      status = connection.Execute(
          absl::StrCat("DROP TABLE event_day_", days->Int(row, 0) + kFirstDay));
      if (!status.ok()) return status;
      *erased += static_cast<uint64_t>(days->Int(row, 1));
    }
    if (days->size() == 0) return absl::OkStatus();
    status = connection
                 .Run("DELETE FROM event_sweep WHERE day<$1",
                      Parameters().Int(oldest))
                 .status();
    if (!status.ok()) return status;
    return DropCounts(connection, oldest);
  }

  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<EventStore> MakePostgresEventStore(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresEventStore>(std::move(database));
}

}  // namespace schoolgate::collector
