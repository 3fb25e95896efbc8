#include "collector/postgres/event_ledger.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

std::vector<int64_t> SignedAll(std::span<const uint64_t> numbers) {
  std::vector<int64_t> all;
  for (const uint64_t number : numbers) all.push_back(Signed(number));
  return all;
}

// False: one of them is stored already.
bool AddAll(std::span<const StoredEvent> events, DeviceStreams* streams) {
  return std::all_of(events.begin(), events.end(), [&](const auto& event) {
    StreamProgress& progress = (*streams)[{event.device, event.epoch}];
    const uint64_t sequence = event.event.sequence();
    return !progress.Has(sequence) && progress.Add(sequence, sequence);
  });
}

absl::Status AddBlocks(Connection& connection,
                       std::span<const EventBlock> blocks) {
  std::vector<int64_t> number, day, first, last, events;
  for (const EventBlock& block : blocks) {
    number.push_back(Signed(block.number));
    day.push_back(block.day);
    first.push_back(block.first_hour);
    last.push_back(block.last_hour);
    events.push_back(Signed(block.events));
  }
  const absl::StatusOr<Rows> opened = connection.Run(
      "DELETE FROM event_block_open WHERE number=ANY($1::bigint[])",
      Parameters().Ints(number));
  if (!opened.ok()) return opened.status();
  if (opened->affected() != static_cast<int64_t>(blocks.size())) {
    return absl::AbortedError("events: their day has gone: try again");
  }
  return connection
      .Run(
          "INSERT INTO event_block(position, number, day, first_hour,"
          " last_hour, events) SELECT nextval('event_block_position'), n, d, f,"
          " l, e FROM unnest($1::bigint[], $2::bigint[], $3::bigint[],"
          " $4::bigint[], $5::bigint[]) WITH ORDINALITY AS b(n, d, f, l, e, o)"
          " ORDER BY o",
          Parameters().Ints(number).Ints(day).Ints(first).Ints(last).Ints(
              events))
      .status();
}

absl::Status CommitIn(Connection& connection,
                      std::span<const EventBlock> blocks,
                      std::span<const StoredEvent> events) {
  absl::Status status = LockAppends(connection);
  if (!status.ok()) return status;
  absl::StatusOr<DeviceStreams> streams = ReadStreams(connection, events);
  if (!streams.ok()) return streams.status();
  if (!AddAll(events, &*streams)) {
    return absl::AbortedError("events: stored meanwhile: try again");
  }
  status = AddBlocks(connection, blocks);
  if (status.ok()) status = WriteStreams(connection, *streams);
  if (status.ok()) status = AddCounts(connection, events);
  return status;
}

absl::Status OpenIn(Connection& connection, const EventBlock& block) {
  return connection
      .Run("INSERT INTO event_block_open(number, day) VALUES($1, $2)",
           Parameters().Int(Signed(block.number)).Int(block.day))
      .status();
}

absl::Status ReserveIn(Connection& connection, std::span<const int64_t> days,
                       std::vector<uint64_t>* numbers) {
  // One after the other until the commit: a number is then seen before any
  // higher one, and no reader takes what is being written for committed.
  const absl::Status locked =
      connection.Execute("SELECT pg_advisory_xact_lock(7305431, 3)");
  if (!locked.ok()) return locked;
  const absl::StatusOr<Rows> open =
      connection.Run("SELECT count(*) FROM event_block_open");
  if (!open.ok()) return open.status();
  if (open->Int(0, 0) >= EventLedger::kMostOpen) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "events: ", EventLedger::kMostOpen,
        " blocks were begun and not ended: see why ClickHouse does not take "
        "them; they go with their day"));
  }
  const absl::StatusOr<Rows> rows = connection.Run(
      "INSERT INTO event_block_open SELECT nextval('event_block_number'), d"
      " FROM unnest($1::bigint[]) AS days(d) RETURNING number",
      Parameters().Ints(days));
  if (!rows.ok()) return rows.status();
  for (int row = 0; row < rows->size(); ++row) {
    numbers->push_back(static_cast<uint64_t>(rows->Int(row, 0)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DeviceStreams> EventLedger::Read(
    std::span<const StoredEvent> events) {
  absl::StatusOr<DeviceStreams> streams = absl::UnknownError("");
  const auto read = [&](Connection& in) {
    return (streams = ReadStreams(in, events)).status();
  };
  const absl::Status status = database_->Transact(read);
  if (!status.ok()) return status;
  return streams;
}

absl::StatusOr<std::vector<uint64_t>> EventLedger::Reserve(
    std::span<const int64_t> days) {
  std::vector<uint64_t> numbers;
  const absl::Status status = database_->Transact(
      [&](Connection& in) { return ReserveIn(in, days, &numbers); });
  if (!status.ok()) return status;
  return numbers;
}

absl::Status EventLedger::Release(std::span<const uint64_t> numbers) {
  return database_
      ->Run("DELETE FROM event_block_open WHERE number=ANY($1::bigint[])",
            Parameters().Ints(SignedAll(numbers)))
      .status();
}

absl::Status EventLedger::Commit(std::span<const EventBlock> blocks,
                                 std::span<const StoredEvent> events) {
  return database_->Transact([&](Connection& connection) {
    return CommitIn(connection, blocks, events);
  });
}

absl::StatusOr<std::optional<int64_t>> EventLedger::LastDay() {
  const absl::StatusOr<Rows> rows =
      database_->Run("SELECT day FROM event_block ORDER BY day DESC LIMIT 1");
  if (!rows.ok()) return rows.status();
  if (rows->size() == 0) return std::nullopt;
  return rows->Int(0, 0);
}

absl::StatusOr<std::vector<uint64_t>> EventLedger::Unknown(
    std::span<const uint64_t> numbers) {
  const absl::StatusOr<Rows> rows = database_->Run(
      "SELECT n FROM unnest($1::bigint[]) AS all_of_them(n) WHERE NOT EXISTS"
      " (SELECT FROM event_block WHERE number=n) AND NOT EXISTS"
      " (SELECT FROM event_block_open WHERE number=n) ORDER BY n",
      Parameters().Ints(SignedAll(numbers)));
  if (!rows.ok()) return rows.status();
  std::vector<uint64_t> unknown;
  for (int row = 0; row < rows->size(); ++row) {
    unknown.push_back(static_cast<uint64_t>(rows->Int(row, 0)));
  }
  return unknown;
}

absl::Status EventLedger::PassOver(uint64_t number) {
  return database_
      ->Run(
          "SELECT setval('event_block_number',"
          " greatest(nextval('event_block_number'), $1::bigint))",
          Parameters().Int(Signed(number)))
      .status();
}

absl::Status EventLedger::Adopt(const EventBlock& block,
                                std::span<const StoredEvent> events) {
  return database_->Transact([&](Connection& connection) {
    const absl::Status opened = OpenIn(connection, block);
    if (!opened.ok()) return opened;
    return CommitIn(connection, {&block, 1}, events);
  });
}

absl::Status EventLedger::Hide(const EventBlock& block) {
  return database_->Transact(
      [&](Connection& connection) { return OpenIn(connection, block); });
}

absl::StatusOr<BlocksInView> EventLedger::InView(int64_t first_day) {
  // One statement, so that all of it is of one moment.
  const absl::StatusOr<Rows> rows = database_->Run(
      "SELECT number FROM (SELECT 0 AS kind, greatest((SELECT max(number) FROM"
      " event_block), (SELECT max(number) FROM event_block_open), 0) AS number"
      " UNION ALL SELECT 1, number FROM event_block_open WHERE day>=$1) AS view"
      " ORDER BY kind, number",
      Parameters().Int(first_day));
  if (!rows.ok()) return rows.status();
  BlocksInView view;
  view.highest = static_cast<uint64_t>(rows->Int(0, 0));
  for (int row = 1; row < rows->size(); ++row) {
    view.open.push_back(static_cast<uint64_t>(rows->Int(row, 0)));
  }
  return view;
}

absl::StatusOr<std::vector<EventBlock>> EventLedger::From(uint64_t position,
                                                          uint64_t skip,
                                                          uint64_t events) {
  // Each block has one event or more.
  const absl::StatusOr<Rows> rows = database_->Run(
      "SELECT position, number, day, first_hour, last_hour, events FROM"
      " event_block WHERE position>=$1 ORDER BY position LIMIT $2",
      Parameters()
          .Int(Signed(position))
          .Int(static_cast<int64_t>(std::min<uint64_t>(events + 1, 10'000))));
  if (!rows.ok()) return rows.status();
  std::vector<EventBlock> blocks;
  uint64_t together = 0;
  for (int row = 0; row < rows->size() && together < events; ++row) {
    const EventBlock& block = blocks.emplace_back(
        EventBlock{static_cast<uint64_t>(rows->Int(row, 0)),
                   static_cast<uint64_t>(rows->Int(row, 1)), rows->Int(row, 2),
                   rows->Int(row, 3), rows->Int(row, 4),
                   static_cast<uint64_t>(rows->Int(row, 5))});
    together += block.position == position
                    ? block.events - std::min(block.events, skip)
                    : block.events;
  }
  return blocks;
}

absl::StatusOr<uint64_t> EventLedger::PositionAt(int64_t hour) {
  const absl::StatusOr<Rows> rows = database_->Run(
      "SELECT coalesce((SELECT min(position) FROM event_block WHERE"
      " last_hour>=$1), (SELECT max(position)+1 FROM event_block), 1)",
      Parameters().Int(hour));
  if (!rows.ok()) return rows.status();
  return static_cast<uint64_t>(rows->Int(0, 0));
}

absl::StatusOr<std::vector<int64_t>> EventLedger::DaysBefore(int64_t oldest) {
  const absl::StatusOr<Rows> rows = database_->Run(
      "SELECT DISTINCT day FROM event_block WHERE day<$1 UNION"
      " SELECT DISTINCT day FROM event_block_open WHERE day<$1",
      Parameters().Int(oldest));
  if (!rows.ok()) return rows.status();
  std::vector<int64_t> days;
  for (int row = 0; row < rows->size(); ++row) {
    days.push_back(rows->Int(row, 0));
  }
  return days;
}

absl::StatusOr<uint64_t> EventLedger::Forget(int64_t oldest) {
  uint64_t events = 0;
  const absl::Status status = database_->Transact([&](Connection& connection) {
    absl::Status locked = LockAppends(connection);
    if (!locked.ok()) return locked;
    const absl::StatusOr<Rows> sum = connection.Run(
        "SELECT coalesce(sum(events), 0)::bigint FROM event_block WHERE day<$1",
        Parameters().Int(oldest));
    if (!sum.ok()) return sum.status();
    events = static_cast<uint64_t>(sum->Int(0, 0));
    for (const char* sql : {"DELETE FROM event_block WHERE day<$1",
                            "DELETE FROM event_block_open WHERE day<$1"}) {
      const absl::Status gone =
          connection.Run(sql, Parameters().Int(oldest)).status();
      if (!gone.ok()) return gone;
    }
    return DropCounts(connection, oldest);
  });
  if (!status.ok()) return status;
  return events;
}

}  // namespace schoolgate::collector
