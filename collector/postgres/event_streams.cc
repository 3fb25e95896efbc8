#include "collector/postgres/event_streams.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr int64_t kHourSeconds = 3600, kDaySeconds = 86400;

// hour, school, group, category, action
using HourKey =
    std::tuple<int64_t, std::string, std::string, std::string, int64_t>;

// The first full hour at `time` or later, in seconds.
int64_t HourLimit(absl::Time time) {
  if (time == absl::InfinitePast()) return INT64_MIN;
  if (time == absl::InfiniteFuture()) return INT64_MAX;
  return absl::ToUnixSeconds(time + absl::Seconds(1) - absl::Nanoseconds(1));
}

}  // namespace

int64_t DayOf(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  return seconds / kDaySeconds - (seconds % kDaySeconds < 0 ? 1 : 0);
}

absl::Status LockAppends(Connection& connection) {
  return connection.Execute("SELECT pg_advisory_xact_lock(7305431, 2)");
}

absl::StatusOr<DeviceStreams> ReadStreams(Connection& connection,
                                          std::span<const StoredEvent> events) {
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
  DeviceStreams streams;
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

absl::Status WriteStreams(Connection& connection,
                          const DeviceStreams& streams) {
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
          Parameters().BytesList(devices).Ints(epochs).Ints(durable).BytesList(
              above))
      .status();
}

absl::Status AddCounts(Connection& connection,
                       std::span<const StoredEvent> events) {
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

absl::Status DropCounts(Connection& connection, int64_t oldest_day) {
  return connection
      .Run("DELETE FROM hour_count WHERE hour<$1",
           Parameters().Int(oldest_day * kDaySeconds))
      .status();
}

absl::StatusOr<uint64_t> DurableIn(Postgres& database,
                                   const std::string& device, uint64_t epoch) {
  const absl::StatusOr<Rows> rows = database.Run(
      "SELECT durable FROM event_stream WHERE device=$1 AND epoch=$2",
      Parameters().Bytes(device).Int(Signed(epoch)));
  if (!rows.ok()) return rows.status();
  return rows->size() == 0 ? 0 : static_cast<uint64_t>(rows->Int(0, 0));
}

absl::StatusOr<std::vector<HourCount>> CountsIn(Postgres& database,
                                                const std::string& school,
                                                absl::Time from,
                                                absl::Time to) {
  const absl::StatusOr<Rows> rows = database.Run(
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

}  // namespace schoolgate::collector
