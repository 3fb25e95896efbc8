#include "collector/clickhouse/forgotten_blocks.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "collector/clickhouse/found_events.h"
#include "collector/clickhouse/row_binary.h"

namespace schoolgate::collector {
namespace {

// Read at a time.
constexpr uint64_t kMostEvents = 65'536;
constexpr size_t kMostBlocks = 1000;

// The blocks that ClickHouse has since `day`, by number; how many events
// they have is only about right, as some may lie twice.
absl::StatusOr<std::map<uint64_t, EventBlock>> BlocksSince(
    ClickHouseCluster& cluster, int64_t day) {
  const absl::StatusOr<std::string> answer = cluster.Ask(absl::StrCat(
      "SELECT block, toInt64(min(day)), toInt64(min(hour)), toInt64(max(hour)),"
      " toUInt64(count()) FROM ",
      cluster.all(), " WHERE day >= ", day,
      " GROUP BY block FORMAT RowBinary"));
  if (!answer.ok()) return answer.status();
  std::map<uint64_t, EventBlock> blocks;
  RowBinaryReader reader(*answer);
  while (reader.more()) {
    EventBlock block;
    block.number = reader.UInt64();
    block.day = reader.Int64();
    block.first_hour = reader.Int64();
    block.last_hour = reader.Int64();
    block.events = reader.UInt64();
    if (!reader.whole()) {
      return absl::DataLossError("ClickHouse: its blocks cannot be read");
    }
    blocks.emplace(block.number, block);
  }
  return blocks;
}

absl::StatusOr<std::vector<EventBlock>> Forgotten(ClickHouseCluster& cluster,
                                                  EventLedger& ledger) {
  const absl::StatusOr<std::optional<int64_t>> last = ledger.LastDay();
  if (!last.ok()) return last.status();
  const absl::StatusOr<std::map<uint64_t, EventBlock>> there =
      BlocksSince(cluster, last->has_value() ? **last - 1 : INT32_MIN);
  if (!there.ok()) return there.status();
  if (there->empty()) return std::vector<EventBlock>();
  if (!last->has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "ClickHouse: ", cluster.table(),
        " holds events and PostgreSQL knows of none: put PostgreSQL back from "
        "its backup, or name another database in clickhouse of "
        "collector.yaml"));
  }
  std::vector<uint64_t> numbers;
  for (const auto& [number, block] : *there) numbers.push_back(number);
  const absl::StatusOr<std::vector<uint64_t>> unknown = ledger.Unknown(numbers);
  if (!unknown.ok()) return unknown.status();
  std::vector<EventBlock> blocks;
  for (const uint64_t number : *unknown) blocks.push_back(there->at(number));
  return blocks;
}

// The events of some blocks, by number.
absl::StatusOr<std::map<uint64_t, std::vector<FoundEvent>>> EventsIn(
    ClickHouseCluster& cluster, std::span<const EventBlock> blocks) {
  std::set<int64_t> days;
  std::vector<uint64_t> numbers;
  for (const EventBlock& block : blocks) {
    days.insert(block.day);
    numbers.push_back(block.number);
  }
  const absl::StatusOr<std::string> answer = cluster.Ask(absl::StrCat(
      kFoundColumns, cluster.all(), " WHERE day IN (", absl::StrJoin(days, ","),
      ") AND block IN (", absl::StrJoin(numbers, ","),
      ") ORDER BY block, n FORMAT RowBinary"));
  if (!answer.ok()) return answer.status();
  size_t rows = 0;
  absl::StatusOr<std::vector<FoundEvent>> found = EventsOf(*answer, &rows);
  if (!found.ok()) return found.status();
  std::map<uint64_t, std::vector<FoundEvent>> events;
  for (FoundEvent& one : *found) {
    events[one.block].push_back(std::move(one));
  }
  return events;
}

// How many of its events are new.
absl::StatusOr<uint64_t> Count(EventBlock block, std::vector<FoundEvent> found,
                               EventLedger& ledger, EventStore& store) {
  std::vector<StoredEvent> events;
  for (FoundEvent& one : found) events.push_back(std::move(one.event));
  block.events = events.size();
  const bool whole = !found.empty() && found.back().place + 1 == found.size();
  absl::Status status = whole ? ledger.Adopt(block, events)
                              : absl::AbortedError("a part of a block");
  if (status.ok()) return events.size();
  if (!absl::IsAborted(status)) return status;
  // What of it is new counts as part of another block.
  const absl::StatusOr<std::vector<StoredEvent>> fresh =
      store.Append(std::move(events));
  if (!fresh.ok()) return fresh.status();
  status = ledger.Hide(block);
  if (!status.ok()) return status;
  return fresh->size();
}

}  // namespace

absl::StatusOr<uint64_t> CountForgottenBlocks(ClickHouseCluster& cluster,
                                              EventLedger& ledger,
                                              EventStore& store) {
  const absl::StatusOr<std::vector<EventBlock>> forgotten =
      Forgotten(cluster, ledger);
  if (!forgotten.ok()) return forgotten.status();
  if (forgotten->empty()) return 0;
  const absl::Status passed = ledger.PassOver(forgotten->back().number);
  if (!passed.ok()) return passed;
  uint64_t counted = 0;
  for (size_t first = 0, last = 0; first < forgotten->size(); first = last) {
    for (uint64_t events = 0;
         last < forgotten->size() && last - first < kMostBlocks &&
         (last == first || events < kMostEvents);
         ++last) {
      events += (*forgotten)[last].events;
    }
    const std::span<const EventBlock> some(forgotten->data() + first,
                                           last - first);
    auto events = EventsIn(cluster, some);
    if (!events.ok()) return events.status();
    for (const EventBlock& block : some) {
      const absl::StatusOr<uint64_t> fresh =
          Count(block, std::move((*events)[block.number]), ledger, store);
      if (!fresh.ok()) return fresh.status();
      counted += *fresh;
    }
  }
  return counted;
}

}  // namespace schoolgate::collector
