// A spool on a disk that fails, fills up and loses power: what was synced
// must be there.
#include <random>
#include <vector>

#include "agent/spool/spool_reader.h"
#include "platform/sim/memory_directory.h"
#include "tests/spool/oracle.h"

namespace schoolgate::tests {
namespace {

using platform::DiskOperation;

constexpr int kLives = 4;
constexpr int kSteps = 120;

class PowerCut {
 public:
  explicit PowerCut(uint64_t seed) : random_(seed) {
    tight_ = random_() % 2 == 0;
  }

  std::string Run() {
    for (int life = 0; life < kLives && wrong_.empty(); ++life) {
      const bool last = life + 1 == kLives;
      Open();
      if (!last) SetFaults();
      for (int i = 0; i < kSteps && wrong_.empty(); ++i) Step();
      if (last) {
        Drain();
        break;
      }
      disk_.SetFault(nullptr);
      disk_.SetFreeBytes(1ull << 40);
      disk_.SetFreeInodes(1'000'000);
      disk_.LosePower(random_);
      pending_.clear();
    }
    return wrong_.empty() ? oracle_.Judge(tight_ || full_) : wrong_;
  }

  bool by_count() const { return oracle_.by_count; }

 private:
  void Open() {
    reader_.reset();
    writer_.reset();
    root_ = disk_.OpenRoot();
    auto writer = agent::SpoolWriter::Start(
        *root_, oracle_.Options(tight_), oracle_.device,
        absl::FromUnixSeconds(1'790'000'000));
    if (!writer.ok()) {
      wrong_ = "refused to start";
      return;
    }
    writer_ = *std::move(writer);
    reader_ = agent::SpoolReader::Open(*root_);
  }

  // One in three lives: a disk that fails once; one in three: a full one.
  void SetFaults() {
    const uint64_t kind = random_() % 3;
    if (kind == 1) {
      full_ = true;
      disk_.SetFreeBytes(random_() % 60'000);
      disk_.SetFreeInodes(random_() % 12);
    }
    if (kind == 2) {
      // A disk that failed to read may lose what it holds, so only changes
      // fail here.
      uint64_t countdown = 1 + random_() % 200;
      const bool space = random_() % 2 == 0;
      if (space) full_ = true;  // the writer may evict, and must tell
      disk_.SetFault([countdown, space](DiskOperation operation,
                                        const std::string&) mutable {
        if (operation == DiskOperation::kRead ||
            operation == DiskOperation::kOpen ||
            operation == DiskOperation::kList || --countdown != 0) {
          return absl::OkStatus();
        }
        return space ? absl::ResourceExhaustedError("injected")
                     : absl::UnavailableError("injected");
      });
    }
  }

  void Step() {
    switch (random_() % 10) {
      case 0:
        now_ += absl::Milliseconds(100 + random_() % 500);
        Tick();
        return;
      case 1:
        return Sync();
      case 2:
        if (random_() % 4 == 0) reader_->Rewind();
        SendOne();
        return;
      case 3:
        (void)reader_->Save();
        return;
      default:
        return Append();
    }
  }

  void Tick() {
    const uint64_t failures = writer_->counters().sync_failures;
    writer_->Tick(now_);
    if (writer_->counters().sync_failures > failures) pending_.clear();
  }

  void Append() {
    const auto lane = static_cast<v1::Lane>(1 + random_() % 3);
    const uint64_t failures = writer_->counters().sync_failures;
    const uint64_t number = ++number_;
    auto place = writer_->Append(Numbered(number, random_() % 900), lane, now_);
    // A failed sync leaves in doubt what it covered, this record included.
    if (writer_->counters().sync_failures > failures) {
      pending_.clear();
      return;
    }
    if (!place.ok()) return;
    const std::pair<uint64_t, uint64_t> key{place->epoch, place->sequence};
    if (lane == v1::LANE_URGENT) {
      oracle_.promised[key] = number;
    } else {
      pending_.push_back({key, number});
    }
  }

  void Sync() {
    const uint64_t failures = writer_->counters().sync_failures;
    if (writer_->Sync().ok() && writer_->counters().sync_failures == failures) {
      for (const auto& [key, number] : pending_) {
        oracle_.promised[key] = number;
      }
    }
    pending_.clear();
  }

  bool SendOne() {
    reader_->Refresh();
    auto batch = reader_->Next({.bytes = 2000, .records = 10});
    if (!batch) return false;
    uint64_t durable = 0;
    wrong_ = oracle_.collector.Receive(*batch, &durable);
    if (!wrong_.empty()) return false;
    // An acknowledgement may get lost.
    if (random_() % 5 != 0) reader_->Acknowledge(batch->epoch, durable);
    return true;
  }

  void Drain() {
    for (int i = 0; i < 100 && wrong_.empty(); ++i) {
      now_ += absl::Seconds(1);
      writer_->Tick(now_);
      while (SendOne()) {
      }
      reader_->Rewind();
      (void)reader_->Save();
    }
    if (wrong_.empty() && agent::CountWaiting(*root_) > 0) {
      wrong_ = "not drained";
    }
  }

  Oracle oracle_;
  std::mt19937_64 random_;
  bool tight_ = false;
  bool full_ = false;
  platform::MemoryDisk disk_;
  std::unique_ptr<platform::Directory> root_;
  std::unique_ptr<agent::SpoolWriter> writer_;
  std::unique_ptr<agent::SpoolReader> reader_;
  absl::Duration now_ = absl::Seconds(1);
  uint64_t number_ = 0;
  std::vector<std::pair<std::pair<uint64_t, uint64_t>, uint64_t>> pending_;
  std::string wrong_;
};

}  // namespace

std::string PowerRun(uint64_t seed, bool* by_count) {
  PowerCut run(seed);
  std::string wrong = run.Run();
  *by_count = run.by_count();
  return wrong;
}

}  // namespace schoolgate::tests
