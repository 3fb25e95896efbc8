#include "collector/store/event_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr char kColumns[] =
    "id, happened_us, received_us, school, device, epoch, body";

int64_t ToMicros(absl::Time time) {
  if (time == absl::InfinitePast()) return INT64_MIN;
  if (time == absl::InfiniteFuture()) return INT64_MAX;
  return absl::ToUnixMicros(time);
}

// Hours are kept as their first second: those at `time` or later.
int64_t HourFrom(absl::Time time) {
  if (time == absl::InfinitePast()) return INT64_MIN;
  if (time == absl::InfiniteFuture()) return INT64_MAX;
  return absl::ToUnixSeconds(
      absl::Ceil(time - absl::UnixEpoch(), absl::Seconds(1)) +
      absl::UnixEpoch());
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventReader>> EventReader::Open(
    const std::string& path) {
  absl::StatusOr<std::unique_ptr<Database>> database =
      Database::Open(path, Database::Mode::kReadOnly);
  if (!database.ok()) return database.status();
  // Many are open at a time; the system keeps the pages.
  const absl::Status small = (*database)->Execute("PRAGMA cache_size=-512");
  if (!small.ok()) return small;
  return std::unique_ptr<EventReader>(new EventReader(*std::move(database)));
}

absl::StatusOr<std::vector<StoredEvent>> EventReader::Find(
    const EventQuery& query) {
  std::string where = " WHERE happened_us>=? AND happened_us<?";
  std::vector<int64_t> words;
  const struct {
    const std::string& wanted;
    const char* column;
  } filters[] = {{query.school, "school"},
                 {query.device, "device"},
                 {query.subject, "subject"}};
  for (const auto& [wanted, column] : filters) {
    if (wanted.empty()) continue;
    const absl::StatusOr<int64_t> number = NumberOf(wanted);
    if (!number.ok()) return number.status();
    if (*number == 0) return std::vector<StoredEvent>();
    // A device's or a person's index is never passed by for the school's,
    // which is the whole file in a school with a collector of its own.
    const bool narrower = &wanted == &query.school &&
                          (!query.device.empty() || !query.subject.empty());
    absl::StrAppend(&where, narrower ? " AND +" : " AND ", column, "=?");
    words.push_back(*number);
  }
  absl::StatusOr<Statement> find = database_->Prepare(
      absl::StrCat("SELECT ", kColumns, " FROM event", where,
                   " ORDER BY happened_us DESC, id DESC LIMIT ?"));
  if (!find.ok()) return find.status();
  find->Bind(1, ToMicros(query.from)).Bind(2, ToMicros(query.to));
  int index = 3;
  for (const int64_t word : words) find->Bind(index++, word);
  find->Bind(index,
             static_cast<int64_t>(std::min<size_t>(query.limit, INT32_MAX)));
  int64_t last = 0;
  return Collect(*find, &last);
}

absl::StatusOr<std::vector<StoredEvent>> EventReader::ReadAfter(int64_t row,
                                                                size_t limit,
                                                                int64_t* last) {
  absl::StatusOr<Statement> read = database_->Prepare(absl::StrCat(
      "SELECT ", kColumns, " FROM event WHERE id>? ORDER BY id LIMIT ?"));
  if (!read.ok()) return read.status();
  read->Bind(1, row).Bind(
      2, static_cast<int64_t>(std::min<size_t>(limit, INT32_MAX)));
  return Collect(*read, last);
}

absl::StatusOr<std::vector<StoredEvent>> EventReader::Collect(Statement& rows,
                                                              int64_t* last) {
  std::vector<StoredEvent> events;
  while (true) {
    const absl::StatusOr<bool> row = rows.Step();
    if (!row.ok()) return row.status();
    if (!*row) return events;
    StoredEvent& event = events.emplace_back();
    *last = rows.Int(0);
    event.happened = absl::FromUnixMicros(rows.Int(1));
    event.received = absl::FromUnixMicros(rows.Int(2));
    absl::StatusOr<std::string> school = WordOf(rows.Int(3));
    absl::StatusOr<std::string> device = WordOf(rows.Int(4));
    if (!school.ok()) return school.status();
    if (!device.ok()) return device.status();
    event.school = *std::move(school);
    event.device = *std::move(device);
    event.epoch = static_cast<uint64_t>(rows.Int(5));
    if (!event.event.ParseFromString(rows.Bytes(6))) {
      return absl::DataLossError(
          absl::StrCat("event row ", rows.Int(0), ": cannot be read"));
    }
  }
}

absl::StatusOr<std::vector<HourCount>> EventReader::Counts(
    const std::string& school, absl::Time from, absl::Time to) {
  int64_t number = 0;
  if (!school.empty()) {
    const absl::StatusOr<int64_t> known = NumberOf(school);
    if (!known.ok()) return known.status();
    if (*known == 0) return std::vector<HourCount>();
    number = *known;
  }
  absl::StatusOr<Statement> find = database_->Prepare(absl::StrCat(
      "SELECT hour, school, grp, category, action, contacts FROM hour_count"
      " WHERE hour>=? AND hour<?",
      number == 0 ? "" : " AND school=?"));
  if (!find.ok()) return find.status();
  find->Bind(1, HourFrom(from)).Bind(2, HourFrom(to));
  if (number != 0) find->Bind(3, number);
  std::vector<HourCount> counts;
  while (true) {
    const absl::StatusOr<bool> row = find->Step();
    if (!row.ok()) return row.status();
    if (!*row) return counts;
    HourCount& one = counts.emplace_back();
    one.hour = absl::FromUnixSeconds(find->Int(0));
    for (const auto& [column, text] :
         {std::pair(1, &one.school), std::pair(2, &one.group),
          std::pair(3, &one.category)}) {
      absl::StatusOr<std::string> word = WordOf(find->Int(column));
      if (!word.ok()) return word.status();
      *text = *std::move(word);
    }
    one.action = static_cast<v1::Action>(find->Int(4));
    one.contacts = static_cast<uint64_t>(find->Int(5));
  }
}

absl::StatusOr<std::string> EventReader::WordOf(int64_t number) {
  const auto known = words_.find(number);
  if (known != words_.end()) return known->second;
  absl::StatusOr<Statement> get =
      database_->Prepare("SELECT text FROM word WHERE id=?");
  if (!get.ok()) return get.status();
  const absl::StatusOr<bool> row = get->Bind(1, number).Step();
  if (!row.ok()) return row.status();
  if (!*row) {
    return absl::DataLossError(absl::StrCat("word ", number, ": missing"));
  }
  return words_.emplace(number, get->Bytes(0)).first->second;
}

absl::StatusOr<int64_t> EventReader::NumberOf(const std::string& text) {
  absl::StatusOr<Statement> get =
      database_->Prepare("SELECT id FROM word WHERE text=?");
  if (!get.ok()) return get.status();
  const absl::StatusOr<bool> row = get->BindText(1, text).Step();
  if (!row.ok()) return row.status();
  return *row ? get->Int(0) : 0;
}

}  // namespace schoolgate::collector
