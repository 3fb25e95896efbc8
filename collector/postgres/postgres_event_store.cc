#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "collector/postgres/copy_rows.h"
#include "collector/postgres/postgres_stores.h"
#include "collector/postgres/times.h"
#include "collector/store/stream_progress.h"

namespace schoolgate::collector {
namespace {

constexpr int64_t kHourSeconds = 3600, kDaySeconds = 86400;

// Days since 1970, UTC.
int64_t DayOf(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  return seconds / kDaySeconds - (seconds % kDaySeconds < 0 ? 1 : 0);
}

using StreamKey = std::pair<std::string, uint64_t>;  // device, epoch
using Streams = std::map<StreamKey, StreamProgress>;
// hour, school, group, category, action
using HourKey =
    std::tuple<int64_t, std::string, std::string, std::string, int64_t>;

int64_t Signed(uint64_t number) { return static_cast<int64_t>(number); }

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
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT durable FROM event_stream WHERE device=$1 AND epoch=$2",
        Parameters().Bytes(device).Int(Signed(epoch)));
    if (!rows.ok()) return rows.status();
    return rows->size() == 0 ? 0 : static_cast<uint64_t>(rows->Int(0, 0));
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
    const absl::StatusOr<Rows> rows = database_->Run(
        "SELECT hour, school, grp, category, action, contacts FROM hour_count"
        " WHERE hour>=$1 AND hour<$2 AND ($3::bytea='' OR school=$3)"
        " ORDER BY 1, 2, 3, 4, 5",
        Parameters().Int(HourLimit(from)).Int(HourLimit(to)).Bytes(school));
    if (!rows.ok()) return rows.status();
    std::vector<HourCount> counts;
    for (int row = 0; row < rows->size(); ++row) {
      counts.push_back({absl::FromUnixSeconds(rows->Int(row, 0)),
                        rows->Bytes(row, 1), rows->Bytes(row, 2),
                        rows->Bytes(row, 3),
                        static_cast<v1::Action>(rows->Int(row, 4)),
                        static_cast<uint64_t>(rows->Int(row, 5))});
    }
    return counts;
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

 private:
  // The first full hour at `time` or later, in seconds.
  static int64_t HourLimit(absl::Time time) {
    if (time == absl::InfinitePast()) return INT64_MIN;
    if (time == absl::InfiniteFuture()) return INT64_MAX;
    return absl::ToUnixSeconds(time + absl::Seconds(1) - absl::Nanoseconds(1));
  }

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
    absl::Status status =
        connection.Execute("SELECT pg_advisory_xact_lock(7305431, 2)");
    if (!status.ok()) return status;
    absl::StatusOr<Streams> streams = ReadStreams(connection, events);
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
    if (status.ok()) status = WriteCounts(connection, *fresh);
    return status;
  }

  static absl::StatusOr<Streams> ReadStreams(
      Connection& connection, const std::vector<StoredEvent>& events) {
    std::set<StreamKey> keys;
    for (const StoredEvent& event : events) {
      keys.emplace(event.device, event.epoch);
    }
    std::vector<std::string> devices;
    std::vector<int64_t> epochs;
    for (const auto& [device, epoch] : keys) {
      devices.push_back(device);
      epochs.push_back(Signed(epoch));
    }
    const absl::StatusOr<Rows> rows = connection.Run(
        "SELECT s.device, s.epoch, durable, above FROM event_stream s"
        " JOIN unnest($1::bytea[], $2::bigint[]) AS k(device, epoch)"
        " ON s.device=k.device AND s.epoch=k.epoch",
        Parameters().BytesList(devices).Ints(epochs));
    if (!rows.ok()) return rows.status();
    Streams streams;
    for (int row = 0; row < rows->size(); ++row) {
      std::optional<StreamProgress> progress = StreamProgress::From(
          static_cast<uint64_t>(rows->Int(row, 2)), rows->Bytes(row, 3));
      if (!progress) {
        return absl::DataLossError(absl::StrCat(
            "progress of device ", rows->Bytes(row, 0), ": cannot be read"));
      }
      streams.emplace(StreamKey(rows->Bytes(row, 0),
                                static_cast<uint64_t>(rows->Int(row, 1))),
                      *std::move(progress));
    }
    return streams;
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
      rows.Begin(8)
          .Int(DayOf(event.received))
          .Int(absl::ToUnixMicros(event.happened))
          .Int(absl::ToUnixMicros(event.received))
          .Bytes(event.school)
          .Bytes(event.device)
          .Bytes(event.event.person().pseudonym())
          .Int(Signed(event.epoch))
          .Bytes(body);
    }
    return connection.CopyIn(
        "COPY event(day, happened_us, received_us, school, device, subject,"
        " epoch, body) FROM STDIN (FORMAT binary)",
        rows.Finish());
  }

  static absl::Status WriteStreams(Connection& connection,
                                   const Streams& streams) {
    std::vector<std::string> devices, above;
    std::vector<int64_t> epochs, durable;
    for (const auto& [key, progress] : streams) {
      devices.push_back(key.first);
      epochs.push_back(Signed(key.second));
      durable.push_back(Signed(progress.durable()));
      above.push_back(progress.Ranges());
    }
    return connection
        .Run(
            "INSERT INTO event_stream SELECT * FROM unnest($1::bytea[],"
            " $2::bigint[], $3::bigint[], $4::bytea[])"
            " ON CONFLICT (device, epoch) DO UPDATE SET"
            " durable=excluded.durable, above=excluded.above",
            Parameters()
                .BytesList(devices)
                .Ints(epochs)
                .Ints(durable)
                .BytesList(above))
        .status();
  }

  static absl::Status WriteCounts(Connection& connection,
                                  const std::vector<StoredEvent>& events) {
    std::map<HourKey, int64_t> counts;
    for (const StoredEvent& event : events) {
      if (!event.event.has_contact()) continue;
      const v1::Contact& contact = event.event.contact();
      const int64_t second = absl::ToUnixSeconds(event.happened);
      for (const std::string& category : contact.categories()) {
        counts[{second - second % kHourSeconds, event.school,
                event.event.person().group(), category, contact.action()}] +=
            std::max<uint32_t>(contact.count(), 1);
      }
    }
    if (counts.empty()) return absl::OkStatus();
    std::vector<int64_t> hours, actions, contacts;
    std::vector<std::string> schools, groups, categories;
    for (const auto& [key, count] : counts) {
      hours.push_back(std::get<0>(key));
      schools.push_back(std::get<1>(key));
      groups.push_back(std::get<2>(key));
      categories.push_back(std::get<3>(key));
      actions.push_back(std::get<4>(key));
      contacts.push_back(count);
    }
    return connection
        .Run(
            "INSERT INTO hour_count SELECT * FROM unnest($1::bigint[],"
            " $2::bytea[], $3::bytea[], $4::bytea[], $5::bigint[],"
            " $6::bigint[]) ON CONFLICT (hour, school, grp, category, action)"
            " DO UPDATE SET contacts=hour_count.contacts+excluded.contacts",
            Parameters()
                .Ints(hours)
                .BytesList(schools)
                .BytesList(groups)
                .BytesList(categories)
                .Ints(actions)
                .Ints(contacts))
        .status();
  }

  // A day goes with its table. The newest stays, as its ids are still needed.
  static absl::Status ExpireIn(Connection& connection, int64_t oldest,
                               uint64_t* erased) {
    absl::Status status =
        connection.Execute("SELECT pg_advisory_xact_lock(7305431, 2)");
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
    return connection
        .Run("DELETE FROM hour_count WHERE hour<$1",
             Parameters().Int(oldest * kDaySeconds))
        .status();
  }

  // Names of tables hold no minus: days before 1970 count from here.
  static constexpr int64_t kFirstDay = 1'000'000;

  const std::shared_ptr<Postgres> database_;
};

}  // namespace

std::unique_ptr<EventStore> MakePostgresEventStore(
    std::shared_ptr<Postgres> database) {
  return std::make_unique<PostgresEventStore>(std::move(database));
}

}  // namespace schoolgate::collector
