#include <algorithm>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "collector/store/count_cache.h"
#include "collector/store/event_file.h"
#include "collector/store/event_reader.h"
#include "collector/store/event_store.h"
#include "collector/store/event_sweep.h"
#include "collector/store/open_readers.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;

// The file that is being written has no index, so a search reads all of it:
// this many rows are read in about 100 ms. A fuller file is closed, indexed
// and followed by another.
constexpr uint64_t kMaxRowsPerFile = 2'000'000;
// A cursor is a file's number and a row in it.
constexpr int kRowBits = 40;
constexpr uint64_t kRowMask = (uint64_t{1} << kRowBits) - 1;

// events-000001-2026-11-21.sqlite
struct FileName {
  uint64_t number = 0;
  std::string day;
  std::string path;
};

std::string DayOf(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone());
}

// What happened after `time` was received on its day or later; a day is left
// for clocks that disagree.
std::string FirstDayFor(absl::Time time) {
  return time == absl::InfinitePast() ? "" : DayOf(time - absl::Hours(24));
}

bool ParseFileName(const fs::path& path, FileName* file) {
  const std::string name = path.filename().string();
  constexpr size_t kDigits = 6, kPrefix = 7, kDay = 10;
  if (!absl::StartsWith(name, "events-") || !absl::EndsWith(name, ".sqlite") ||
      name.size() != kPrefix + kDigits + 1 + kDay + 7 ||
      !absl::SimpleAtoi(name.substr(kPrefix, kDigits), &file->number)) {
    return false;
  }
  file->day = name.substr(kPrefix + kDigits + 1, kDay);
  file->path = path.string();
  return true;
}

absl::StatusOr<std::vector<FileName>> ListFiles(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  std::vector<FileName> files;
  for (fs::directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    FileName file;
    if (ParseFileName(entry->path(), &file)) files.push_back(file);
  }
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat(directory, ": ", error.message(),
                     ": run as the user that owns the data directory"));
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  return files;
}

void Unlink(const std::string& path) {
  std::error_code ignored;  // what stays is found at the next start
  for (const char* suffix : {"-wal", "-shm", ""}) {
    fs::remove(absl::StrCat(path, suffix), ignored);
  }
}

class SqliteEventStore : public EventStore {
 public:
  SqliteEventStore(std::string directory, bool read_only)
      : directory_(std::move(directory)), read_only_(read_only) {}

  ~SqliteEventStore() override {
    {
      const std::lock_guard lock(finish_mutex_);
      closing_ = true;
    }
    finish_wanted_.notify_all();
    if (finisher_.joinable()) finisher_.join();
  }

  absl::Status Start() {
    absl::StatusOr<std::vector<FileName>> files = ListFiles(directory_);
    if (!files.ok()) return files.status();
    files_ = *std::move(files);
    if (read_only_) return SkipUnfinished();
    while (!files_.empty() && writer_ == nullptr) {
      absl::StatusOr<std::unique_ptr<EventFile>> writer =
          EventFile::Open(files_.back().path);
      if (absl::IsNotFound(writer.status())) {  // a crash while it was made
        Unlink(files_.back().path);
        files_.pop_back();
        continue;
      }
      if (!writer.ok()) return writer.status();
      absl::StatusOr<Streams> streams = (*writer)->ReadStreams();
      if (!streams.ok()) return streams.status();
      writer_ = *std::move(writer);
      streams_ = *std::move(streams);
    }
    // The one before may have been left without its indexes.
    if (files_.size() > 1) to_finish_.push_back(files_[files_.size() - 2]);
    const size_t kept = std::min(files_.size(), OpenReaders::kMost);
    to_open_.assign(files_.rbegin(), files_.rbegin() + kept);
    finisher_ = std::thread([this] { FinishFiles(); });
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<StoredEvent>> Append(
      std::vector<StoredEvent> events) override {
    if (read_only_) return NotHere();
    const std::lock_guard lock(write_mutex_);
    Streams touched;
    std::vector<StoredEvent> fresh;
    fresh.reserve(events.size());
    for (StoredEvent& event : events) {
      if (Admit(event, &touched)) fresh.push_back(std::move(event));
    }
    if (fresh.empty()) return fresh;
    absl::Status status = ChooseFile(DayOf(fresh.back().received));
    if (status.ok()) status = writer_->Append(fresh, touched);
    if (!status.ok()) return status;
    const std::lock_guard streams_lock(streams_mutex_);
    for (auto& [key, progress] : touched) streams_[key] = std::move(progress);
    return fresh;
  }

  absl::StatusOr<uint64_t> DurableSequence(const std::string& device,
                                           uint64_t epoch) override {
    const std::lock_guard lock(streams_mutex_);
    const auto found = streams_.find(StreamKey(device, epoch));
    return found == streams_.end() ? 0 : found->second.durable();
  }

  absl::StatusOr<std::vector<StoredEvent>> Find(
      const EventQuery& query) override {
    std::vector<StoredEvent> found;
    EventQuery rest = query;
    const std::lock_guard lock(read_mutex_);
    const std::vector<FileName> files = Files();
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      if (file->day < FirstDayFor(rest.from)) continue;
      absl::StatusOr<EventReader*> reader =
          readers_.Of(file->number, file->path);
      if (!reader.ok()) return reader.status();
      absl::StatusOr<std::vector<StoredEvent>> part = (*reader)->Find(rest);
      if (!part.ok()) return part.status();
      std::move(part->begin(), part->end(), std::back_inserter(found));
      if (found.empty() || found.size() < query.limit) continue;
      // What is older than the oldest of these is not wanted.
      KeepNewest(query.limit, &found);
      if (!found.empty())
        rest.from = std::max(rest.from, found.back().happened);
    }
    KeepNewest(query.limit, &found);
    return found;
  }

  absl::StatusOr<std::vector<StoredEvent>> ReadAfter(uint64_t cursor,
                                                     size_t limit,
                                                     uint64_t* next) override {
    *next = cursor;
    std::vector<StoredEvent> read;
    const std::lock_guard lock(read_mutex_);
    for (const FileName& file : Files()) {
      if (file.number < cursor >> kRowBits || read.size() >= limit) continue;
      const bool same = file.number == cursor >> kRowBits;
      int64_t row = same ? static_cast<int64_t>(cursor & kRowMask) : 0;
      absl::StatusOr<EventReader*> reader = readers_.Of(file.number, file.path);
      if (!reader.ok()) return reader.status();
      absl::StatusOr<std::vector<StoredEvent>> part =
          (*reader)->ReadAfter(row, limit - read.size(), &row);
      if (!part.ok()) return part.status();
      if (part->empty()) continue;
      std::move(part->begin(), part->end(), std::back_inserter(read));
      *next = file.number << kRowBits | static_cast<uint64_t>(row);
    }
    return read;
  }

  absl::StatusOr<uint64_t> CursorAt(absl::Time time) override {
    if (time == absl::InfinitePast()) return 0;
    const std::string day = DayOf(time);
    for (const FileName& file : Files()) {
      if (file.day >= day) return file.number << kRowBits;
    }
    const std::vector<FileName> files = Files();
    return files.empty() ? 0 : files.back().number << kRowBits;
  }

  absl::StatusOr<std::vector<HourCount>> Counts(const std::string& school,
                                                absl::Time from,
                                                absl::Time to) override {
    std::vector<HourCount> counts;
    const std::string first_day = FirstDayFor(from);
    const std::lock_guard lock(read_mutex_);
    const std::vector<FileName> files = Files();
    for (const FileName& file : files) {
      if (file.day < first_day) continue;
      const bool done = file.number != files.back().number;
      if (done && counts_.Add(file.number, school, from, to, &counts)) continue;
      absl::StatusOr<EventReader*> reader = readers_.Of(file.number, file.path);
      if (!reader.ok()) return reader.status();
      absl::StatusOr<std::vector<HourCount>> part =
          done ? (*reader)->Counts(school, absl::InfinitePast(),
                                   absl::InfiniteFuture())
               : (*reader)->Counts(school, from, to);
      if (!part.ok()) return part.status();
      if (done) {
        counts_.Put(file.number, school, *part);
        if (counts_.Add(file.number, school, from, to, &counts)) continue;
      }
      for (HourCount& one : *part) {
        if (one.hour >= from && one.hour < to) counts.push_back(std::move(one));
      }
    }
    return Merge(std::move(counts));
  }

  absl::StatusOr<uint64_t> Expire(absl::Time now,
                                  absl::Duration keep) override {
    if (read_only_) return NotHere();
    const std::string oldest_day = DayOf(now - keep);
    const std::lock_guard write_lock(write_mutex_);
    const std::lock_guard read_lock(read_mutex_);
    uint64_t erased = 0;
    while (true) {
      const std::vector<FileName> files = Files();
      if (files.size() < 2 || files.front().day >= oldest_day) return erased;
      absl::StatusOr<std::unique_ptr<EventFile>> file =
          EventFile::Open(files.front().path);
      if (file.ok()) erased += (*file)->rows();
      file = absl::CancelledError();
      readers_.Close(files.front().number);
      counts_.Forget(files.front().number);
      Unlink(files.front().path);
      const std::lock_guard files_lock(files_mutex_);
      files_.erase(files_.begin());
    }
  }

  // Only files that are written no more; readers have their own connections.
  absl::StatusOr<uint64_t> Sweep(absl::Time now,
                                 const EventKeep& keep) override {
    if (read_only_) return NotHere();
    const std::vector<FileName> files = Files();
    for (size_t i = 0; i + 1 < files.size(); ++i) {
      const std::string& day = files[i].day;
      const auto over = [&](absl::Duration time) {
        return day < DayOf(now - time);
      };
      const std::string mark = MarkOf(keep, over);
      if (mark.empty()) continue;
      const auto swept = SweepFile(
          files[i].path, mark, [&](const std::string& school, bool health) {
            const auto own = keep.schools.find(school);
            const KeepTimes& times =
                own == keep.schools.end() ? keep.others : own->second;
            return over(health ? times.health : times.contacts);
          });
      if (!swept.ok()) return swept.status();
      if (*swept && **swept > 0) return **swept;
    }
    return 0;
  }

 private:
  // Whose time is over, for a day; empty: nobody's.
  template <typename Over>
  static std::string MarkOf(const EventKeep& keep, Over over) {
    std::string mark;
    const auto add = [&](const std::string& name, const KeepTimes& times) {
      const int which = over(times.contacts) + 2 * over(times.health);
      if (which != 0) absl::StrAppend(&mark, name, "=", which, ";");
    };
    add("", keep.others);
    for (const auto& [school, times] : keep.schools) add(school, times);
    return mark;
  }

  static void KeepNewest(size_t limit, std::vector<StoredEvent>* found) {
    std::stable_sort(found->begin(), found->end(),
                     [](const StoredEvent& a, const StoredEvent& b) {
                       return a.happened > b.happened;
                     });
    if (found->size() > limit) found->resize(limit);
  }

  static absl::Status NotHere() {
    return absl::FailedPreconditionError("event store: opened to read only");
  }

  // The newest file may be in the making by the process that writes.
  absl::Status SkipUnfinished() {
    if (files_.empty()) return absl::OkStatus();
    const FileName& last = files_.back();
    absl::StatusOr<EventReader*> newest = readers_.Of(last.number, last.path);
    if (newest.ok() && !(*newest)->ReadAfter(0, 0, nullptr).ok()) {
      readers_.Close(last.number);
      files_.pop_back();
    }
    return absl::OkStatus();
  }

  // True when the event is new; its place in the stream is then in *touched.
  bool Admit(const StoredEvent& event, Streams* touched) {
    StreamKey key(event.device, event.epoch);
    auto entry = touched->find(key);
    if (entry == touched->end()) {
      const auto known = streams_.find(key);
      entry = touched
                  ->emplace(std::move(key), known == streams_.end()
                                                ? StreamProgress()
                                                : known->second)
                  .first;
    }
    StreamProgress& progress = entry->second;
    const uint64_t sequence = event.event.sequence();
    if (progress.Has(sequence) || !progress.Add(sequence, sequence)) {
      return false;
    }
    return true;
  }

  absl::Status ChooseFile(const std::string& day) {
    if (writer_ != nullptr && files_.back().day == day &&
        writer_->rows() < kMaxRowsPerFile) {
      return absl::OkStatus();
    }
    FileName next;
    next.number = files_.empty() ? 1 : files_.back().number + 1;
    next.day = day;
    next.path = absl::StrCat(
        directory_, "/",
        absl::StrFormat("events-%06u-%s.sqlite", next.number, day));
    absl::StatusOr<std::unique_ptr<EventFile>> writer =
        EventFile::Create(next.path, streams_);
    if (!writer.ok()) {
      Unlink(next.path);
      return writer.status();
    }
    if (writer_ != nullptr) {
      writer_.reset();
      const std::lock_guard lock(finish_mutex_);
      to_finish_.push_back(files_.back());
    }
    finish_wanted_.notify_one();
    writer_ = *std::move(writer);
    const std::lock_guard lock(files_mutex_);
    files_.push_back(next);
    return absl::OkStatus();
  }

  // Oldest first.
  std::vector<FileName> Files() {
    const std::lock_guard lock(files_mutex_);
    return files_;
  }

  static std::vector<HourCount> Merge(std::vector<HourCount> counts) {
    const auto key = [](const HourCount& count) {
      return std::tie(count.hour, count.school, count.group, count.category,
                      count.action);
    };
    std::sort(counts.begin(), counts.end(),
              [&](const auto& a, const auto& b) { return key(a) < key(b); });
    std::vector<HourCount> merged;
    for (HourCount& count : counts) {
      if (!merged.empty() && key(merged.back()) == key(count)) {
        merged.back().contacts += count.contacts;
      } else {
        merged.push_back(std::move(count));
      }
    }
    return merged;
  }

  // Also opens, so that nobody waits for it who wants to read.
  void FinishFiles() {
    std::unique_lock lock(finish_mutex_);
    while (true) {
      finish_wanted_.wait(lock, [this] {
        return closing_ || !to_finish_.empty() || !to_open_.empty();
      });
      if (closing_) return;
      const bool finish = !to_finish_.empty();
      std::deque<FileName>& queue = finish ? to_finish_ : to_open_;
      const FileName file = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      // Without its indexes a file is only slower to search.
      if (finish && fs::exists(file.path)) (void)EventFile::Finish(file.path);
      {
        const std::lock_guard read_lock(read_mutex_);
        if (fs::exists(file.path)) (void)readers_.Of(file.number, file.path);
      }
      lock.lock();
    }
  }

  const std::string directory_;
  const bool read_only_;

  // Order of locking: write, read, files, streams.
  std::mutex write_mutex_;
  std::unique_ptr<EventFile> writer_;

  std::mutex read_mutex_;
  OpenReaders readers_;
  CountCache counts_;  // of all files but the newest

  std::mutex files_mutex_;  // the writer alone changes files_
  std::vector<FileName> files_;

  std::mutex streams_mutex_;  // the writer alone changes streams_
  Streams streams_;

  std::mutex finish_mutex_;
  std::condition_variable finish_wanted_;
  std::deque<FileName> to_finish_, to_open_;
  bool closing_ = false;
  std::thread finisher_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EventStore>> OpenSqliteEventStore(
    const std::string& directory) {
  auto store = std::make_unique<SqliteEventStore>(directory, false);
  const absl::Status status = store->Start();
  if (!status.ok()) return status;
  return store;
}

absl::StatusOr<std::unique_ptr<EventStore>> OpenSqliteEventStoreToRead(
    const std::string& directory) {
  auto store = std::make_unique<SqliteEventStore>(directory, true);
  const absl::Status status = store->Start();
  if (!status.ok()) return status;
  return store;
}

}  // namespace schoolgate::collector
