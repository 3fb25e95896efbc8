// A collector on a bad day: its disk is full or slow, it is copied while it
// works, its clock jumps. Nothing that was acknowledged may be lost, nothing
// may be there twice, and it must go on by itself when the day is over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "collector/cli/backup.h"
#include "collector/cli/child_collector.h"
#include "collector/cli/load.h"
#include "collector/metrics/http_get_test.h"
#include "collector/store/event_store.h"
#include "collector/store/scratch_test.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kPatience = absl::Minutes(3);
constexpr uint64_t kEpoch = 6;

std::string Beside(const std::string& name) {
  return fs::read_symlink("/proc/self/exe").parent_path() / name;
}

absl::Duration Up() { return platform::SystemClock().SinceBoot(); }

class RobustnessTest : public testing::Test {
 protected:
  void Start(const std::string& directory) {
    auto child =
        ChildCollector::Start(Beside("schoolgate-collector"), directory);
    ASSERT_TRUE(child.ok()) << child.status();
    child_ = *std::move(child);
    home_ = child_->Home(1).value();
    identity_ = EnrolSimulated(home_, "laptop").value();
  }

  void Make(uint32_t events, size_t batch_events) {
    LoadPlan plan;
    plan.events_per_day = events;
    plan.end = platform::SystemClock().Now();
    events_ = EventsOf(plan, 3);
    batches_ = SealBatches(identity_, kEpoch, events_, batch_events).value();
  }

  std::unique_ptr<SimulatedLink> Link(bool paced = false) {
    home_.collector = child_->Home(1)->collector;
    SimulatedLink::Options options;
    options.epoch = kEpoch;
    options.contact_nonce = nonce_;
    options.now = platform::SystemClock().Now();
    options.linger = true;
    options.paced = paced;
    return std::make_unique<SimulatedLink>(
        OpenSimulatedChannel(home_, &identity_), batches_, options);
  }

  HttpAnswer Ask(const std::string& path) {
    return HttpGet(child_->metrics_address() + path);
  }

  double Metric(const std::string& name) {
    const std::string text = "\n" + Ask("/metrics").body;
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos
               ? -1
               : std::stod(text.substr(at + name.size() + 2));
  }

  // Each event once, none else.
  void ExpectAllOnce(const std::string& directory) {
    const auto store =
        OpenSqliteEventStoreToRead(DataDirectory{directory}.Events()).value();
    uint64_t cursor = 0;
    const auto stored = store->ReadAfter(0, 10'000'000, &cursor).value();
    std::set<uint64_t> sequences;
    for (const StoredEvent& event : stored) {
      sequences.insert(event.event.sequence());
    }
    EXPECT_EQ(stored.size(), events_.size());
    EXPECT_EQ(sequences.size(), events_.size());
  }

  std::unique_ptr<ChildCollector> child_;
  SimulatedHome home_;
  SimulatedIdentity identity_;
  std::vector<v1::Event> events_;
  std::vector<SealedBatch> batches_;
  std::string nonce_;
};

TEST_F(RobustnessTest, AFullDiskStopsAcknowledgementsAndNothingElse) {
  Scratch scratch;
  // A disk of its own, that goes with this process.
  if (unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", scratch.path().c_str(), "tmpfs", 0,
            "size=256m,mode=0700") != 0) {
    GTEST_SKIP() << "may not mount a small disk: needs root";
  }
  const std::string data = scratch.File("data"), ballast = scratch.File("fill");
  Start(data);
  Make(100'000, 100);
  const auto fill = [&] {
    std::ofstream file(ballast, std::ios::binary);
    const std::string block(64 << 10, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size()))
               .flush()) {
    }
  };
  uint64_t owed = 0;
  {
    const auto link = Link(true);
    ASSERT_TRUE(link->WaitWelcome(kPatience));
    nonce_ = link->next_nonce();
    link->Allow(10);
    while (link->acknowledged_sequence() < 1000) {
      ASSERT_FALSE(link->WaitEnd(absl::Milliseconds(1)));
    }
    fill();
    link->Allow(SIZE_MAX);
    // Refused for now, in words that the device understands as "later".
    ASSERT_TRUE(link->WaitEnd(kPatience)) << "a full disk was not noticed";
    EXPECT_EQ(link->status().error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_THAT(link->status().error_message(), testing::HasSubstr("full"));
    owed = link->acknowledged_sequence();
    EXPECT_LT(owed, events_.size());
  }
  EXPECT_EQ(Ask("/readyz").status, 503);
  EXPECT_EQ(Ask("/healthz").status, 200);
  EXPECT_GT(Metric("schoolgate_ingest_commit_failures_total"), 0);
  fs::remove(ballast);
  const absl::Duration start = Up();
  bool all = false;
  while (!all && Up() - start < kPatience) {
    const auto link = Link();
    if (!link->WaitWelcome(kPatience)) continue;  // the nonce was not kept
    EXPECT_GE(link->acknowledged_sequence(), owed);
    nonce_ = link->next_nonce();
    all = link->WaitAll(kPatience);
  }
  ASSERT_TRUE(all) << "did not go on by itself";
  EXPECT_EQ(Ask("/readyz").status, 200);
  EXPECT_EQ(child_->Terminate(), 0);
  ExpectAllOnce(data);
  child_.reset();
  umount2(scratch.path().c_str(), MNT_DETACH);
}

// Every sync takes 30 ms: devices are slowed down, memory stays bounded, and
// all of it arrives.
TEST_F(RobustnessTest, ASlowDiskSlowsDevicesDownAndLosesNothing) {
  Scratch scratch;
  setenv("LD_PRELOAD", Beside("slow_sync.so").c_str(), 1);
  Start(scratch.path());
  unsetenv("LD_PRELOAD");
  Make(60'000, 50);
  const auto link = Link();
  double most = 0;
  while (!link->WaitAll(absl::Milliseconds(20))) {
    ASSERT_FALSE(link->WaitEnd(absl::ZeroDuration()))
        << link->status().error_message();
    most = std::max(most, Metric("schoolgate_ingest_queued_bytes"));
  }
  EXPECT_LT(most, 65u << 20);
  EXPECT_GT(Metric("schoolgate_ingest_commit_seconds_sum") /
                Metric("schoolgate_ingest_commit_seconds_count"),
            0.03)
      << "the disk was not slow";
  EXPECT_EQ(child_->Terminate(), 0);
  ExpectAllOnce(scratch.path());
}

TEST_F(RobustnessTest, ABackupUnderLoadGoesOnElsewhere) {
  Scratch scratch, other;
  Start(scratch.path());
  Make(100'000, 50);
  {
    const auto link = Link();
    ASSERT_TRUE(link->WaitWelcome(kPatience));
    nonce_ = link->next_nonce();
    while (link->acknowledged_sequence() < 5000) {
      ASSERT_FALSE(link->WaitEnd(absl::Milliseconds(1)));
    }
    const auto count = BackUp(child_->directory(), other.File("copy"),
                              platform::SystemClock().Now());
    ASSERT_TRUE(count.ok()) << count.status();
    // The first machine burns down.
    child_->Kill();
    ASSERT_TRUE(link->WaitEnd(kPatience));
  }
  const DataDirectory data{other.File("data")};
  ASSERT_TRUE(Restore(other.File("copy"), data).ok());
  child_.reset();
  auto restored =
      ChildCollector::Start(Beside("schoolgate-collector"), data.path);
  ASSERT_TRUE(restored.ok()) << restored.status();
  child_ = *std::move(restored);
  // The same identity, no new enrolment: for the device it was a pause.
  const auto link = Link();
  ASSERT_TRUE(link->WaitAll(kPatience)) << link->status().error_message();
  EXPECT_EQ(child_->Terminate(), 0);
  ExpectAllOnce(data.path);
}

// Killed at whatever moment, again and again, while a device sends all it can.
TEST_F(RobustnessTest, KilledAtAnyMomentItKeepsWhatItAcknowledged) {
  Scratch scratch;
  Start(scratch.path());
  Make(150'000, 25);
  uint64_t owed = 0;
  uint64_t delay_us = 1;
  for (int round = 0; round < 16 && owed < events_.size(); ++round) {
    const auto link = Link();
    ASSERT_TRUE(link->WaitWelcome(kPatience)) << link->status().error_message();
    EXPECT_GE(link->acknowledged_sequence(), owed) << "round " << round;
    nonce_ = link->next_nonce();
    delay_us = delay_us * 7 % 100'003;  // moments spread over a tenth second
    const absl::Duration start = Up();
    while (Up() - start < absl::Microseconds(delay_us)) {
    }
    child_->Kill();
    ASSERT_TRUE(link->WaitEnd(kPatience));
    owed = std::max(owed, link->acknowledged_sequence());
    const absl::Status again = child_->StartAgain();
    ASSERT_TRUE(again.ok()) << again;
  }
  ASSERT_TRUE(Link()->WaitAll(kPatience));
  EXPECT_EQ(child_->Terminate(), 0);
  ExpectAllOnce(scratch.path());
}

// A token that leaked, tried by everybody at once: it lets in as many as it was
// made for, and the devices that are there notice nothing.
TEST_F(RobustnessTest, AFloodOfEnrolmentsHoldsNoDeviceUp) {
  constexpr int kUses = 50, kTries = 1000, kThreads = 4;
  Scratch scratch;
  Start(scratch.File("data"));
  Make(20'000, 20);
  const SimulatedHome leaked = child_->Home(kUses).value();
  std::atomic<int> tries{0}, let_in{0}, refused{0};
  std::vector<std::thread> flood;
  const absl::Duration begun = Up();
  for (int i = 0; i < kThreads; ++i) {
    flood.emplace_back([&] {
      while (tries.fetch_add(1) < kTries) {
        const absl::Status status =
            EnrolSimulated(leaked, "somebody's laptop").status();
        let_in += status.ok();
        refused += absl::IsFailedPrecondition(status);
      }
    });
  }
  std::mutex mutex;
  absl::Duration longest;
  SimulatedLink::Options options;
  options.epoch = kEpoch;
  options.now = platform::SystemClock().Now();
  options.linger = true;
  options.acknowledged = [&](absl::Duration took) {
    const std::lock_guard lock(mutex);
    longest = std::max(longest, took);
  };
  {
    SimulatedLink link(OpenSimulatedChannel(home_, &identity_), batches_,
                       options);
    EXPECT_TRUE(link.WaitAll(kPatience)) << link.status().error_message();
  }
  for (std::thread& one : flood) one.join();
  const double minutes = absl::ToDoubleMinutes(Up() - begun);
  std::printf("%.0f enrolments a minute; the longest acknowledgement %.2f s\n",
              kTries / minutes, absl::ToDoubleSeconds(longest));
  EXPECT_EQ(let_in, kUses);
  EXPECT_EQ(refused, kTries - kUses);
  EXPECT_LT(longest, absl::Seconds(5));
  EXPECT_EQ(child_->Terminate(), 0);
  ExpectAllOnce(scratch.File("data"));
}

}  // namespace
}  // namespace schoolgate::collector
