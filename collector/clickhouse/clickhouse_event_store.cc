#include "collector/clickhouse/clickhouse_event_store.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "collector/clickhouse/found_events.h"
#include "collector/clickhouse/row_binary.h"
#include "collector/postgres/times.h"

namespace schoolgate::collector {
namespace {

// A cursor is a block's position and an event's place in it.
constexpr int kPlaceBits = 20;
constexpr uint64_t kPlaceMask = (uint64_t{1} << kPlaceBits) - 1;
constexpr size_t kMostRows = 65'536;
constexpr size_t kMostBytes = 32u << 20;
constexpr int kMostAppends = 8;  // when others store the same meanwhile
constexpr int kMostRounds = 200;
constexpr auto kRoundPause = std::chrono::milliseconds(20);
// A block that its shards did not take for so long goes across them. One that
// comes back takes 10 s and more until it is a replica again (18.16).
constexpr absl::Duration kAcrossAfter = absl::Seconds(2);
constexpr int64_t kHourSeconds = 3600;

static_assert(kMostRows <= kPlaceMask);

int64_t HourOf(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  return seconds / kHourSeconds - (seconds % kHourSeconds < 0 ? 1 : 0);
}

// Every byte, whatever it is.
std::string Literal(const std::string& bytes) {
  return absl::StrCat("unhex('", absl::BytesToHexString(bytes), "')");
}

// Some events of one day, to be written in one go.
struct Piece {
  EventBlock block;
  size_t first = 0, last = 0;  // of the append's events; last is not in it
};

std::string RowsOf(const Piece& piece, std::span<const StoredEvent> events) {
  RowBinary rows;
  std::string body;
  for (size_t i = piece.first; i < piece.last; ++i) {
    const StoredEvent& event = events[i];
    body.clear();
    event.event.AppendToString(&body);
    rows.Int32(static_cast<int32_t>(piece.block.day))
        .Int32(static_cast<int32_t>(HourOf(event.received)))
        .Text(event.school)
        .Int64(absl::ToUnixMicros(event.happened))
        .Int64(absl::ToUnixMicros(event.received))
        .UInt64(piece.block.number)
        .UInt32(static_cast<uint32_t>(i - piece.first))
        .Text(event.device)
        .Text(event.event.person().pseudonym())
        .UInt64(event.epoch)
        .Text(body);
  }
  return rows.bytes();
}

// In the order of the events; a new one where the day changes, or where one
// gets too long.
std::vector<Piece> PiecesOf(std::span<const StoredEvent> events) {
  std::vector<Piece> pieces;
  size_t bytes = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    const int64_t day = DayOf(events[i].received);
    const int64_t hour = HourOf(events[i].received);
    const size_t size = events[i].event.ByteSizeLong();
    if (pieces.empty() || pieces.back().block.day != day ||
        pieces.back().block.events == kMostRows || bytes + size > kMostBytes) {
      pieces.push_back(
          {{.day = day, .first_hour = hour, .last_hour = hour}, i, i});
      bytes = 0;
    }
    Piece& piece = pieces.back();
    piece.last = i + 1;
    ++piece.block.events;
    piece.block.first_hour = std::min(piece.block.first_hour, hour);
    piece.block.last_hour = std::max(piece.block.last_hour, hour);
    bytes += size;
  }
  return pieces;
}

// Which events of which blocks.
struct Extent {
  EventBlock block;
  uint64_t first = 0, last = 0;  // places; last is not in it
};

class ClickHouseEventStore : public EventStore {
 public:
  ClickHouseEventStore(std::unique_ptr<ClickHouseCluster> cluster,
                       std::shared_ptr<Postgres> database,
                       ClickHouseCounters& counters)
      : cluster_(std::move(cluster)),
        ledger_(std::move(database)),
        counters_(counters) {}

  absl::StatusOr<std::vector<StoredEvent>> Append(
      std::vector<StoredEvent> events) override {
    for (int i = 0; i < kMostAppends; ++i) {
      absl::StatusOr<std::vector<StoredEvent>> fresh = TryAppend(events);
      if (fresh.ok() || !absl::IsAborted(fresh.status())) return fresh;
      ++counters_.overtaken;
    }
    return absl::UnavailableError(
        "events: another collector stores the same: try again");
  }

  absl::StatusOr<uint64_t> DurableSequence(const std::string& device,
                                           uint64_t epoch) override {
    return ledger_.Durable(device, epoch);
  }

  absl::StatusOr<std::vector<StoredEvent>> Find(
      const EventQuery& query) override {
    // What happened after `from` was received on its day or later; a day is
    // left for clocks that disagree.
    const bool ever = query.from == absl::InfinitePast();
    const int64_t first_day = ever ? INT32_MIN : DayOf(query.from) - 1;
    const absl::StatusOr<BlocksInView> view = ledger_.InView(first_day);
    if (!view.ok()) return view.status();
    std::string where = absl::StrCat("block <= ", view->highest);
    if (!view->open.empty()) {
      absl::StrAppend(&where, " AND block NOT IN (",
                      absl::StrJoin(view->open, ","), ")");
    }
    if (!ever) {
      absl::StrAppend(&where, " AND day >= ", first_day,
                      " AND happened >= ", ToMicros(query.from));
    }
    if (query.to != absl::InfiniteFuture()) {
      absl::StrAppend(&where, " AND happened < ", ToMicros(query.to));
    }
    const std::pair<const char*, const std::string&> texts[] = {
        {"school", query.school},
        {"device", query.device},
        {"subject", query.subject}};
    for (const auto& [column, text] : texts) {
      if (text.empty()) continue;
      absl::StrAppend(&where, " AND ", column, " = ", Literal(text));
    }
    return FindWhere(where, query.limit);
  }

  absl::StatusOr<std::vector<StoredEvent>> ReadAfter(uint64_t cursor,
                                                     size_t limit,
                                                     uint64_t* next) override {
    *next = cursor;
    const uint64_t position = cursor >> kPlaceBits;
    // Of the block that the cursor stands in, what is before it.
    const uint64_t skip = cursor == 0 ? 0 : (cursor & kPlaceMask) + 1;
    absl::StatusOr<std::vector<EventBlock>> blocks =
        ledger_.From(position, skip, limit);
    if (!blocks.ok()) return blocks.status();
    std::vector<Extent> extents;
    uint64_t wanted = 0;
    for (const EventBlock& block : *blocks) {
      const uint64_t first = block.position == position ? skip : 0;
      if (first >= block.events) continue;
      const uint64_t count =
          std::min<uint64_t>(block.events - first, limit - wanted);
      if (count == 0) break;
      extents.push_back({block, first, first + count});
      wanted += count;
    }
    if (extents.empty()) return std::vector<StoredEvent>();
    return ReadExtents(extents, wanted, next);
  }

  absl::StatusOr<uint64_t> CursorAt(absl::Time time) override {
    if (time == absl::InfinitePast()) return 0;
    const absl::StatusOr<uint64_t> position = ledger_.PositionAt(HourOf(time));
    if (!position.ok()) return position.status();
    return *position == 0 ? 0 : (*position - 1) << kPlaceBits | kPlaceMask;
  }

  absl::StatusOr<std::vector<HourCount>> Counts(const std::string& school,
                                                absl::Time from,
                                                absl::Time to) override {
    return ledger_.Counts(school, from, to);
  }

  absl::StatusOr<uint64_t> Expire(absl::Time now,
                                  absl::Duration keep) override {
    const int64_t oldest = DayOf(now - keep);
    const absl::StatusOr<std::vector<int64_t>> days =
        ledger_.DaysBefore(oldest);
    if (!days.ok()) return days.status();
    if (days->empty()) return 0;
    // First there, then in the ledger: what the ledger does not know could be
    // read there as if it counted.
    for (const int64_t day : *days) {
      const absl::Status dropped = cluster_->OnEachShard(absl::StrCat(
          "ALTER TABLE ", cluster_->table(), " DROP PARTITION ", day));
      if (!dropped.ok()) return dropped;
    }
    return ledger_.Forget(oldest);
  }

 private:
  absl::StatusOr<std::vector<StoredEvent>> TryAppend(
      const std::vector<StoredEvent>& events) {
    absl::StatusOr<DeviceStreams> streams = ledger_.Read(events);
    if (!streams.ok()) return streams.status();
    std::vector<StoredEvent> fresh;
    for (const StoredEvent& event : events) {
      StreamProgress& progress = (*streams)[{event.device, event.epoch}];
      const uint64_t sequence = event.event.sequence();
      if (!progress.Has(sequence) && progress.Add(sequence, sequence)) {
        fresh.push_back(event);
      }
    }
    if (fresh.empty()) return fresh;
    std::vector<Piece> pieces = PiecesOf(fresh);
    absl::Status status = Number(&pieces);
    size_t bytes = 0;
    for (size_t i = 0; status.ok() && i < pieces.size(); ++i) {
      status = Write(fresh, &pieces[i], &bytes);
    }
    if (!status.ok()) return status;
    std::vector<EventBlock> blocks;
    for (const Piece& piece : pieces) blocks.push_back(piece.block);
    status = ledger_.Commit(blocks, fresh);
    if (!status.ok()) return status;
    counters_.blocks += blocks.size();
    counters_.bytes += bytes;
    return fresh;
  }

  absl::Status Number(std::vector<Piece>* pieces) {
    std::vector<int64_t> days;
    for (const Piece& piece : *pieces) days.push_back(piece.block.day);
    const absl::StatusOr<std::vector<uint64_t>> numbers = ledger_.Reserve(days);
    if (!numbers.ok()) return numbers.status();
    for (size_t i = 0; i < pieces->size(); ++i) {
      (*pieces)[i].block.number = (*numbers)[i];
    }
    return absl::OkStatus();
  }

  // Until a shard has it. With more than one shard, one that cannot take it
  // holds nothing up; what none takes goes to servers of several.
  absl::Status Write(std::span<const StoredEvent> events, Piece* piece,
                     size_t* bytes) {
    std::string rows = RowsOf(*piece, events);
    absl::Status status;
    const absl::Duration begun = cluster_->SinceBoot();
    const auto late = [&] {
      return cluster_->CanGoAcross() &&
             cluster_->SinceBoot() - begun >= kAcrossAfter;
    };
    bool across = cluster_->CanGoAcross() && !cluster_->AnyShardWhole();
    for (int round = 0; round < kMostRounds; ++round) {
      bool busy = false;
      const std::vector<size_t> shards =
          across ? std::vector<size_t>() : cluster_->ShardsInTurn();
      for (size_t i = 0; i <= shards.size(); ++i) {
        const bool last = i == shards.size();
        across = across || late() || (last && !busy && cluster_->CanGoAcross());
        if (last && !across) break;
        const BlockOutcome outcome = across ? cluster_->InsertAcross(rows)
                                            : cluster_->Insert(shards[i], rows);
        status = outcome.status;
        if (outcome.kind == BlockOutcome::kStored) {
          counters_.across += across ? 1 : 0;
          *bytes += rows.size();
          return absl::OkStatus();
        }
        busy = busy || outcome.kind == BlockOutcome::kBusy;
        const absl::Status ready = Again(outcome.kind, events, piece, &rows);
        if (!ready.ok()) return ready;
        if (across) break;
      }
      if (!busy || across) break;
      std::this_thread::sleep_for(kRoundPause);
    }
    // Nothing was written under the number that it has now.
    (void)ledger_.Release({&piece->block.number, 1});
    return status;
  }

  // Makes a block ready for its next try after one that did not do.
  absl::Status Again(BlockOutcome::Kind kind,
                     std::span<const StoredEvent> events, Piece* piece,
                     std::string* rows) {
    if (kind == BlockOutcome::kBusy) ++counters_.busy;
    if (kind == BlockOutcome::kRefused) ++counters_.refused;
    if (kind != BlockOutcome::kUnsure) return absl::OkStatus();
    ++counters_.unsure;
    const absl::StatusOr<std::vector<uint64_t>> another =
        ledger_.Reserve({&piece->block.day, 1});
    if (!another.ok()) return another.status();
    piece->block.number = another->front();
    *rows = RowsOf(*piece, events);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<StoredEvent>> FindWhere(const std::string& where,
                                                     size_t limit) {
    constexpr size_t kMost = INT32_MAX;
    // Rows that lie twice take the place of others: then more are asked for.
    for (size_t ask = std::min(limit, kMost);; ask = std::min(ask * 2, kMost)) {
      const absl::StatusOr<std::string> answer = cluster_->Ask(
          absl::StrCat(kFoundColumns, cluster_->all(), " WHERE ", where,
                       " ORDER BY happened DESC, block DESC, n DESC LIMIT ",
                       ask, " FORMAT RowBinary"));
      if (!answer.ok()) return answer.status();
      size_t rows = 0;
      absl::StatusOr<std::vector<FoundEvent>> found = EventsOf(*answer, &rows);
      if (!found.ok()) return found.status();
      if (found->size() < limit && rows == ask && ask < kMost) continue;
      std::vector<StoredEvent> events;
      for (FoundEvent& one : *found) {
        if (events.size() == limit) break;
        events.push_back(std::move(one.event));
      }
      return events;
    }
  }

  // The first and the last may be wanted in part, those between are whole.
  static std::string WhereIn(const std::vector<Extent>& extents) {
    std::set<int64_t> days;
    int64_t first_hour = INT64_MAX, last_hour = INT64_MIN;
    std::vector<uint64_t> whole;
    std::vector<std::string> any;
    for (const Extent& extent : extents) {
      const EventBlock& block = extent.block;
      days.insert(block.day);
      first_hour = std::min(first_hour, block.first_hour);
      last_hour = std::max(last_hour, block.last_hour);
      if (extent.first == 0 && extent.last == block.events) {
        whole.push_back(block.number);
      } else {
        any.push_back(absl::StrCat("(block = ", block.number,
                                   " AND n >= ", extent.first, " AND n < ",
                                   extent.last, ")"));
      }
    }
    if (!whole.empty()) {
      any.push_back(absl::StrCat("block IN (", absl::StrJoin(whole, ","), ")"));
    }
    return absl::StrCat(
        "day IN (", absl::StrJoin(days, ","), ") AND hour >= ", first_hour,
        " AND hour <= ", last_hour, " AND (", absl::StrJoin(any, " OR "), ")");
  }

  absl::StatusOr<std::vector<StoredEvent>> ReadExtents(
      const std::vector<Extent>& extents, uint64_t wanted, uint64_t* next) {
    const absl::StatusOr<std::string> answer = cluster_->Ask(
        absl::StrCat(kFoundColumns, cluster_->all(), " WHERE ",
                     WhereIn(extents), " ORDER BY block, n FORMAT RowBinary"));
    if (!answer.ok()) return answer.status();
    size_t rows = 0;
    absl::StatusOr<std::vector<FoundEvent>> found = EventsOf(*answer, &rows);
    if (!found.ok()) return found.status();
    if (found->size() != wanted) {
      // A server that is behind, or a day that is going: nothing is passed by.
      ++counters_.missing;
      return absl::UnavailableError(
          absl::StrCat("ClickHouse: shows ", found->size(), " of ", wanted,
                       " events: a server is behind: trying again"));
    }
    std::map<uint64_t, size_t> begins;  // where a block's events are in `found`
    for (size_t i = 0; i < found->size(); ++i) {
      begins.emplace((*found)[i].block, i);
    }
    std::vector<StoredEvent> events;
    events.reserve(found->size());
    for (const Extent& extent : extents) {
      const auto begin = begins.find(extent.block.number);
      if (begin == begins.end()) {
        return absl::DataLossError("ClickHouse: a block of another number");
      }
      for (uint64_t i = 0; i < extent.last - extent.first; ++i) {
        events.push_back(std::move((*found)[begin->second + i].event));
      }
      *next = extent.block.position << kPlaceBits | (extent.last - 1);
    }
    return events;
  }

  const std::unique_ptr<ClickHouseCluster> cluster_;
  EventLedger ledger_;
  ClickHouseCounters& counters_;
};

}  // namespace

std::unique_ptr<EventStore> MakeClickHouseEventStore(
    std::unique_ptr<ClickHouseCluster> cluster,
    std::shared_ptr<Postgres> ledger, ClickHouseCounters& counters) {
  return std::make_unique<ClickHouseEventStore>(std::move(cluster),
                                                std::move(ledger), counters);
}

}  // namespace schoolgate::collector
