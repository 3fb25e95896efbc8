// Writer and reader in a child process that dies by SIGKILL; the collector and
// the oracle in the parent, which survives.
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "agent/spool/spool_reader.h"
#include "tests/spool/crashing_directory.h"
#include "tests/spool/oracle.h"

namespace schoolgate::tests {
namespace {

constexpr int kGenerations = 4;  // three may crash, the last one drains
constexpr int kSteps = 80;

// Appended: two numbers of place and the event's. Batch: a message follows.
struct Word {
  enum Kind : uint64_t { kAppended = 1, kBatch = 2, kFault = 3 };
  uint64_t kind = 0;
  uint64_t a = 0;
  uint64_t b = 0;
  uint64_t c = 0;
};

bool ReadAll(int fd, void* into, size_t size) {
  auto* at = static_cast<char*>(into);
  while (size > 0) {
    const ssize_t got = read(fd, at, size);
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

bool WriteAll(int fd, const void* from, size_t size) {
  return send(fd, from, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

// The child's life.
class Victim {
 public:
  Victim(int fd, CrashingDirectory& directory, const Oracle& oracle, bool tight,
         uint64_t seed, uint64_t first_number)
      : fd_(fd), directory_(directory), random_(seed), number_(first_number) {
    writer_ = *agent::SpoolWriter::Start(directory, oracle.Options(tight),
                                         oracle.device,
                                         absl::FromUnixSeconds(1'790'000'000));
    reader_ = agent::SpoolReader::Open(directory);
  }

  void Live(bool last) {
    for (int i = 0; i < kSteps; ++i) Step();
    if (!last) return;
    for (int i = 0; i < 100; ++i) {
      Tick();
      reader_->Rewind();
      while (SendOne()) {
      }
      (void)reader_->Save();
    }
    Tick();
    const uint64_t waiting = agent::CountWaiting(directory_);
    if (waiting > 0) Say({Word::kFault, waiting, 0, 0});
  }

 private:
  void Step() {
    switch (random_() % 8) {
      case 0:
        return Tick();
      case 1:
        if (random_() % 4 == 0) reader_->Rewind();
        SendOne();
        return;
      case 2:
        (void)reader_->Save();
        return;
      default:
        return AppendOne();
    }
  }

  void Tick() {
    now_ += absl::Milliseconds(100 + random_() % 500);
    writer_->Tick(now_);
  }

  void AppendOne() {
    const auto lane = static_cast<v1::Lane>(1 + random_() % 3);
    const uint64_t number = ++number_;
    auto place = writer_->Append(Numbered(number, random_() % 900), lane, now_);
    if (place.ok()) {
      Say({Word::kAppended, place->epoch, place->sequence, number});
    }
  }

  bool SendOne() {
    reader_->Refresh();
    auto batch = reader_->Next({.bytes = 2000, .records = 10});
    if (!batch) return false;
    Say({Word::kBatch, batch->epoch, batch->first_sequence,
         batch->records.size()});
    SayBytes(batch->segment_header);
    for (const std::string& record : batch->records) SayBytes(record);
    uint64_t durable = 0;
    if (!ReadAll(fd_, &durable, sizeof durable)) _exit(1);
    reader_->Acknowledge(batch->epoch, durable);
    return true;
  }

  void Say(Word word) {
    if (!WriteAll(fd_, &word, sizeof word)) _exit(1);
  }
  void SayBytes(const std::string& bytes) {
    const uint64_t size = bytes.size();
    if (!WriteAll(fd_, &size, sizeof size) ||
        !WriteAll(fd_, bytes.data(), bytes.size())) {
      _exit(1);
    }
  }

  const int fd_;
  platform::Directory& directory_;
  std::mt19937_64 random_;
  uint64_t number_;
  absl::Duration now_ = absl::Seconds(1);
  std::unique_ptr<agent::SpoolWriter> writer_;
  std::unique_ptr<agent::SpoolReader> reader_;
};

bool HearBytes(int fd, std::string* bytes) {
  uint64_t size = 0;
  if (!ReadAll(fd, &size, sizeof size)) return false;
  bytes->resize(size);
  return ReadAll(fd, bytes->data(), size);
}

// Listens until the child is silent. "" or what was wrong.
std::string Listen(int fd, Oracle& oracle) {
  Word word;
  while (ReadAll(fd, &word, sizeof word)) {
    if (word.kind == Word::kAppended) {
      oracle.promised[{word.a, word.b}] = word.c;
      continue;
    }
    if (word.kind == Word::kFault) {
      return "not drained: " + std::to_string(word.a) + " records wait";
    }
    agent::SpoolBatch batch;
    batch.epoch = word.a;
    batch.first_sequence = word.b;
    batch.records.resize(word.c);
    bool whole = HearBytes(fd, &batch.segment_header);
    for (std::string& record : batch.records) {
      whole = whole && HearBytes(fd, &record);
    }
    if (!whole) break;
    uint64_t durable = 0;
    const std::string wrong = oracle.collector.Receive(batch, &durable);
    if (!wrong.empty()) return wrong;
    // A child that died meanwhile never hears it: the ack is lost.
    (void)WriteAll(fd, &durable, sizeof durable);
  }
  return "";
}

std::string Generation(const std::string& folder, std::string_view point,
                       int countdown, bool tight, bool last, uint64_t seed,
                       uint64_t first_number, Oracle& oracle, int* fired) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return "no socket pair";
  const pid_t child = fork();
  if (child == 0) {
    close(pair[0]);
    auto directory = platform::OpenDirectory(folder);
    if (!directory.ok()) _exit(3);
    CrashingDirectory crashing(**directory, point, last ? -1 : countdown);
    {
      Victim victim(pair[1], crashing, oracle, tight, seed, first_number);
      victim.Live(last);
    }
    _exit(0);
  }
  close(pair[1]);
  const std::string wrong = Listen(pair[0], oracle);
  close(pair[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    ++*fired;
  } else if (wrong.empty() &&
             !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
    return "the spool's process failed by itself: status " +
           std::to_string(status);
  }
  return wrong;
}

}  // namespace

std::string KillRun(const std::string& folder, std::string_view point,
                    uint64_t seed, int* fired) {
  std::filesystem::remove_all(folder);
  std::mt19937_64 random(seed);
  const bool tight = random() % 2 == 0;
  // Some points are passed often, some once or twice in a life.
  const bool rare =
      point.starts_with("spare") || point.starts_with("segment-c") ||
      point.starts_with("segment-r") || point.starts_with("segment-t") ||
      point.starts_with("header") || point.starts_with("state") ||
      point.starts_with("frontier") || point.starts_with("unlink") ||
      point.starts_with("folder");
  Oracle oracle;
  for (int i = 0; i < kGenerations; ++i) {
    const int countdown = 1 + static_cast<int>(random() % (rare ? 3 : 20));
    const std::string wrong = Generation(
        folder, point, countdown, tight, i + 1 == kGenerations, random(),
        static_cast<uint64_t>(i) * 1'000'000, oracle, fired);
    if (!wrong.empty()) return wrong;
  }
  return oracle.Judge(tight);
}

}  // namespace schoolgate::tests
