#include "collector/store/event_file.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace schoolgate::collector {
namespace {

constexpr int64_t kVersion = 1;
constexpr int64_t kHourSeconds = 3600;

constexpr char kSchema[] =
    "CREATE TABLE event("
    "  id INTEGER PRIMARY KEY, happened_us INTEGER NOT NULL,"
    "  received_us INTEGER NOT NULL, school INTEGER NOT NULL,"
    "  device INTEGER NOT NULL, subject INTEGER NOT NULL,"
    "  epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    "  body BLOB NOT NULL);"
    "CREATE TABLE word(id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
    "CREATE TABLE stream(device TEXT NOT NULL, epoch INTEGER NOT NULL,"
    "  durable INTEGER NOT NULL, above BLOB NOT NULL,"
    "  PRIMARY KEY(device, epoch)) WITHOUT ROWID;"
    "CREATE TABLE hour_count(hour INTEGER, school INTEGER, grp INTEGER,"
    "  category INTEGER, action INTEGER, contacts INTEGER NOT NULL,"
    "  PRIMARY KEY(hour, school, grp, category, action)) WITHOUT ROWID;"
    "CREATE TABLE span(one INTEGER PRIMARY KEY CHECK(one=1),"
    "  first_us INTEGER NOT NULL, last_us INTEGER NOT NULL);"
    "PRAGMA user_version=1";

absl::StatusOr<int64_t> OneNumber(Database& database, std::string_view sql) {
  absl::StatusOr<Statement> statement = database.Prepare(sql);
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  return *row ? statement->Int(0) : 0;
}

// SQLite has no unsigned 64-bit numbers; the bits are kept.
int64_t Signed(uint64_t number) { return static_cast<int64_t>(number); }

absl::Status CheckVersionOf(Database& database, const std::string& path) {
  const absl::StatusOr<int64_t> version =
      OneNumber(database, "PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*version == 0) return absl::NotFoundError(absl::StrCat(path, ": empty"));
  if (*version == kVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": format ", *version,
      ": written by a newer version: start that version, or restore a "
      "backup of this one"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventFile>> EventFile::Create(
    const std::string& path, const Streams& streams) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path);
  if (!database.ok()) return database.status();
  std::unique_ptr<EventFile> file(new EventFile(*std::move(database)));
  Transaction transaction(*file->database_);
  absl::Status status = transaction.Begin();
  if (status.ok()) status = file->database_->Execute(kSchema);
  if (status.ok()) status = file->PrepareAll();
  if (status.ok()) status = file->WriteStreams(streams);
  if (status.ok()) status = transaction.Commit();
  if (!status.ok()) return status;
  return file;
}

absl::StatusOr<std::unique_ptr<EventFile>> EventFile::Open(
    const std::string& path) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path);
  if (!database.ok()) return database.status();
  absl::Status known = CheckVersionOf(**database, path);
  if (!known.ok()) return known;
  std::unique_ptr<EventFile> file(new EventFile(*std::move(database)));
  absl::Status status = file->PrepareAll();
  if (status.ok()) status = file->Load();
  if (!status.ok()) return status;
  return file;
}

absl::Status EventFile::CheckVersion(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Database>> database =
      Database::Open(path, Database::Mode::kReadOnly);
  return database.ok() ? CheckVersionOf(**database, path) : database.status();
}

absl::Status EventFile::PrepareAll() {
  const struct {
    Statement* statement;
    const char* sql;
  } all[] = {
      {&insert_event_,
       "INSERT INTO event(happened_us, received_us, school, device, subject,"
       " epoch, sequence, body) VALUES(?,?,?,?,?,?,?,?)"},
      {&insert_word_, "INSERT INTO word(id, text) VALUES(?,?)"},
      {&insert_stream_, "INSERT OR REPLACE INTO stream VALUES(?,?,?,?)"},
      {&insert_count_,
       "INSERT INTO hour_count VALUES(?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
       " contacts=contacts+excluded.contacts"},
      {&insert_span_, "INSERT OR REPLACE INTO span VALUES(1,?,?)"}};
  for (const auto& [statement, sql] : all) {
    absl::StatusOr<Statement> prepared = database_->Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::Status EventFile::Load() {
  absl::StatusOr<Statement> words =
      database_->Prepare("SELECT id, text FROM word");
  if (!words.ok()) return words.status();
  while (true) {
    const absl::StatusOr<bool> row = words->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    words_.emplace(words->Bytes(1), words->Int(0));
  }
  const absl::StatusOr<int64_t> rows =
      OneNumber(*database_, "SELECT coalesce(max(id), 0) FROM event");
  if (!rows.ok()) return rows.status();
  rows_ = static_cast<uint64_t>(*rows);
  absl::StatusOr<Statement> span =
      database_->Prepare("SELECT first_us, last_us FROM span");
  if (!span.ok()) return span.status();
  const absl::StatusOr<bool> row = span->Step();
  if (!row.ok()) return row.status();
  if (*row) {
    first_us_ = span->Int(0);
    last_us_ = span->Int(1);
  }
  return absl::OkStatus();
}

absl::StatusOr<Streams> EventFile::ReadStreams() {
  absl::StatusOr<Statement> all =
      database_->Prepare("SELECT device, epoch, durable, above FROM stream");
  if (!all.ok()) return all.status();
  Streams streams;
  while (true) {
    const absl::StatusOr<bool> row = all->Step();
    if (!row.ok()) return row.status();
    if (!*row) return streams;
    std::optional<StreamProgress> progress =
        StreamProgress::From(static_cast<uint64_t>(all->Int(2)), all->Bytes(3));
    if (!progress) {
      return absl::DataLossError(absl::StrCat(
          "progress of device ", all->Bytes(0), ": cannot be read: restore"));
    }
    streams.emplace(
        StreamKey(all->Bytes(0), static_cast<uint64_t>(all->Int(1))),
        *std::move(progress));
  }
}

absl::Status EventFile::Append(const std::vector<StoredEvent>& events,
                               const Streams& touched) {
  const int64_t first_before = first_us_, last_before = last_us_;
  new_words_.clear();
  counts_.clear();
  Transaction transaction(*database_);
  absl::Status status = transaction.Begin();
  if (status.ok()) status = WriteAll(events, touched);
  if (status.ok()) status = transaction.Commit();
  if (!status.ok()) {
    for (const std::string& word : new_words_) words_.erase(word);
    first_us_ = first_before;
    last_us_ = last_before;
    return status;
  }
  rows_ += events.size();
  return status;
}

absl::Status EventFile::WriteAll(const std::vector<StoredEvent>& events,
                                 const Streams& touched) {
  for (const StoredEvent& event : events) {
    absl::Status status = WriteEvent(event);
    if (status.ok()) status = Count(event);
    if (!status.ok()) return status;
  }
  absl::Status status = WriteCounts();
  if (status.ok()) status = WriteStreams(touched);
  if (!status.ok() || events.empty()) return status;
  return insert_span_.Bind(1, first_us_).Bind(2, last_us_).Run();
}

absl::Status EventFile::WriteEvent(const StoredEvent& event) {
  const absl::StatusOr<int64_t> school = Word(event.school);
  const absl::StatusOr<int64_t> device = Word(event.device);
  const absl::StatusOr<int64_t> subject =
      Word(event.event.person().pseudonym());
  for (const auto* word : {&school, &device, &subject}) {
    if (!word->ok()) return word->status();
  }
  const int64_t happened_us = absl::ToUnixMicros(event.happened);
  first_us_ = std::min(first_us_, happened_us);
  last_us_ = std::max(last_us_, happened_us);
  body_.clear();
  event.event.AppendToString(&body_);
  return insert_event_.Bind(1, happened_us)
      .Bind(2, absl::ToUnixMicros(event.received))
      .Bind(3, *school)
      .Bind(4, *device)
      .Bind(5, *subject)
      .Bind(6, Signed(event.epoch))
      .Bind(7, Signed(event.event.sequence()))
      .BindBlob(8, body_)
      .Run();
}

absl::Status EventFile::Count(const StoredEvent& event) {
  if (!event.event.has_contact()) return absl::OkStatus();
  const v1::Contact& contact = event.event.contact();
  const int64_t second = absl::ToUnixSeconds(event.happened);
  const int64_t hour = second - second % kHourSeconds;
  const absl::StatusOr<int64_t> school = Word(event.school);
  const absl::StatusOr<int64_t> group = Word(event.event.person().group());
  if (!school.ok()) return school.status();
  if (!group.ok()) return group.status();
  for (const std::string& name : contact.categories()) {
    const absl::StatusOr<int64_t> category = Word(name);
    if (!category.ok()) return category.status();
    counts_[{hour, *school, *group, *category, contact.action()}] +=
        std::max<uint32_t>(contact.count(), 1);
  }
  return absl::OkStatus();
}

absl::Status EventFile::WriteCounts() {
  for (const auto& [key, contacts] : counts_) {
    const auto& [hour, school, group, category, action] = key;
    const absl::Status status = insert_count_.Bind(1, hour)
                                    .Bind(2, school)
                                    .Bind(3, group)
                                    .Bind(4, category)
                                    .Bind(5, action)
                                    .Bind(6, contacts)
                                    .Run();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status EventFile::WriteStreams(const Streams& touched) {
  for (const auto& [key, progress] : touched) {
    const std::string above = progress.Ranges();
    const absl::Status status = insert_stream_.BindText(1, key.first)
                                    .Bind(2, Signed(key.second))
                                    .Bind(3, Signed(progress.durable()))
                                    .BindBlob(4, above)
                                    .Run();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> EventFile::Word(const std::string& text) {
  const auto known = words_.find(text);
  if (known != words_.end()) return known->second;
  const int64_t number = static_cast<int64_t>(words_.size()) + 1;
  const absl::Status status =
      insert_word_.Bind(1, number).BindText(2, text).Run();
  if (!status.ok()) return status;
  words_.emplace(text, number);
  new_words_.push_back(text);
  return number;
}

absl::Status EventFile::Finish(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path);
  if (!database.ok()) return database.status();
  return (*database)->Execute(
      "CREATE INDEX IF NOT EXISTS event_device ON event(device, happened_us);"
      "CREATE INDEX IF NOT EXISTS event_subject ON event(subject, happened_us);"
      "CREATE INDEX IF NOT EXISTS event_school ON event(school, happened_us);"
      "CREATE INDEX IF NOT EXISTS word_text ON word(text);"
      "PRAGMA wal_checkpoint(TRUNCATE)");
}

}  // namespace schoolgate::collector
