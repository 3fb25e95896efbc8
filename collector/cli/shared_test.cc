// Two collectors on one PostgreSQL: devices may go to either, and when one
// dies the other goes on with everything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "collector/cli/backup.h"
#include "collector/cli/child_collector.h"
#include "collector/cli/load.h"
#include "collector/cli/open_stores.h"
#include "collector/fleet/secret_file.h"
#include "collector/metrics/http_get_test.h"
#include "collector/postgres/server_test.h"
#include "collector/store/scratch_test.h"
#include "platform/clock.h"
#include "platform/free_port_test.h"

namespace schoolgate::collector {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr uint64_t kEpoch = 6;
constexpr uint32_t kTrier = 7;  // the simulated person who keeps trying

std::string Program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() /
         "schoolgate-collector";
}

class SharedTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = TestServer::Start();
    if (server_ == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    database_ = server_->Place("school");
    auto first =
        ChildCollector::Start(Program(), scratch_.File("a"), database_);
    ASSERT_TRUE(first.ok()) << first.status();
    first_ = *std::move(first);
    // The second has the same keys: a copy of the first's directory.
    ASSERT_TRUE(BackUp(first_->directory(), scratch_.File("copy"),
                       platform::SystemClock().Now())
                    .ok());
    ASSERT_TRUE(Restore(scratch_.File("copy"), {scratch_.File("b")}).ok());
    auto second =
        ChildCollector::Start(Program(), scratch_.File("b"), database_);
    ASSERT_TRUE(second.ok()) << second.status();
    second_ = *std::move(second);
  }

  static double Held(const ChildCollector& collector) {
    const std::string text =
        "\n" + HttpGet(collector.metrics_address() + "/metrics").body;
    const std::string name = "\nschoolgate_schools_held ";
    const size_t at = text.find(name);
    return at == std::string::npos ? -1
                                   : std::stod(text.substr(at + name.size()));
  }

  static void AwaitHeld(const ChildCollector& collector, double schools) {
    const absl::Duration start = platform::SystemClock().SinceBoot();
    while (Held(collector) != schools) {
      ASSERT_LT(platform::SystemClock().SinceBoot() - start, kPatience);
      std::this_thread::yield();
    }
  }

  std::unique_ptr<SimulatedLink> Link(ChildCollector& to,
                                      const SimulatedIdentity& identity,
                                      const std::vector<SealedBatch>& batches,
                                      const std::string& nonce) {
    SimulatedHome home = home_;
    home.collector = to.Home(1)->collector;
    SimulatedLink::Options options;
    options.epoch = kEpoch;
    options.contact_nonce = nonce;
    options.now = platform::SystemClock().Now();
    options.linger = true;
    return std::make_unique<SimulatedLink>(
        OpenSimulatedChannel(home, &identity), batches, options);
  }

  Scratch scratch_;
  std::unique_ptr<TestServer> server_;
  std::string database_;
  std::unique_ptr<ChildCollector> first_, second_;
  SimulatedHome home_;
};

TEST_F(SharedTest, WhenOneDiesTheOtherGoesOnWithEverything) {
  home_ = first_->Home(1).value();
  const SimulatedIdentity identity = EnrolSimulated(home_, "laptop").value();
  LoadPlan plan;
  plan.events_per_day = 2000;
  plan.days = 4;
  plan.end = platform::SystemClock().Now();
  const std::vector<v1::Event> events = EventsOf(plan, kTrier);
  const auto batches = SealBatches(identity, kEpoch, events, 20).value();
  // One of the two answers for the school, whichever was first.
  AwaitHeld(*first_, 1);
  EXPECT_EQ(Held(*second_), 0);
  std::string nonce;
  uint64_t owed = 0;
  {
    const auto link = Link(*first_, identity, batches, nonce);
    ASSERT_TRUE(link->WaitWelcome(kPatience)) << link->status().error_message();
    nonce = link->next_nonce();
    while (link->acknowledged_sequence() < 1000) {
      ASSERT_FALSE(link->WaitEnd(absl::Milliseconds(1)))
          << link->status().error_message();
    }
    first_->Kill();
    ASSERT_TRUE(link->WaitEnd(kPatience));
    owed = link->acknowledged_sequence();
  }
  // The device comes to the other one: its identity and what it has sent are
  // known there, and it is no copy.
  const auto link = Link(*second_, identity, batches, nonce);
  ASSERT_TRUE(link->WaitWelcome(kPatience)) << link->status().error_message();
  EXPECT_GE(link->acknowledged_sequence(), owed);
  ASSERT_TRUE(link->WaitAll(kPatience)) << link->status().error_message();
  AwaitHeld(*second_, 1);
  const auto alerts = OpenAlerts(second_->directory()).value();
  EXPECT_GT(alerts->WaitForChange(0, kPatience), 0u) << "no alert was raised";
  EXPECT_EQ(second_->Terminate(), 0);
  const auto store = OpenEventsToRead(second_->directory()).value();
  uint64_t cursor = 0;
  const auto stored = store->ReadAfter(0, 1'000'000, &cursor).value();
  std::set<uint64_t> sequences;
  for (const StoredEvent& event : stored) {
    sequences.insert(event.event.sequence());
  }
  EXPECT_EQ(stored.size(), events.size());
  EXPECT_EQ(sequences.size(), events.size());
}

// What one appends the other goes on from, and both find it sound. One with a
// key of its own would only make a log that neither can verify.
TEST_F(SharedTest, AllSignOneAuditLogWithOneKey) {
  const auto now = platform::SystemClock().Now();
  for (const auto* one : {first_.get(), second_.get(), first_.get()}) {
    const auto log = OpenAudit(one->directory()).value();
    AuditEntry entry;
    entry.who = "system";
    ASSERT_TRUE(log->Append(entry).ok());
    EXPECT_TRUE(log->Verify().ok()) << log->Verify();
  }
  const DataDirectory other{scratch_.File("c")};
  ASSERT_TRUE(Restore(scratch_.File("copy"), other).ok());
  std::filesystem::remove(other.AuditPublicKey());
  EXPECT_TRUE(OpenAuditToBegin(other, now).ok()) << "a copy before the upgrade";
  std::filesystem::remove(other.AuditPublicKey());
  std::filesystem::remove(other.CustodyKey());
  EXPECT_TRUE(absl::IsPermissionDenied(OpenAuditToBegin(other, now).status()));
}

// The database is restarted under load: collectors live on, devices send again
// what was not acknowledged, and all of it is there once.
TEST_F(SharedTest, ARestartedDatabaseIsNoticedAndOutlived) {
  home_ = first_->Home(1).value();
  const SimulatedIdentity identity = EnrolSimulated(home_, "laptop").value();
  LoadPlan plan;
  plan.events_per_day = 40000;
  plan.end = platform::SystemClock().Now();
  const std::vector<v1::Event> events = EventsOf(plan, 3);
  const auto batches = SealBatches(identity, kEpoch, events, 20).value();
  std::string nonce;
  uint64_t owed = 0;
  {
    const auto link = Link(*first_, identity, batches, nonce);
    ASSERT_TRUE(link->WaitWelcome(kPatience)) << link->status().error_message();
    nonce = link->next_nonce();
    while (link->acknowledged_sequence() < 1000) {
      ASSERT_FALSE(link->WaitEnd(absl::Milliseconds(1)));
    }
    server_->End(SIGQUIT);
    ASSERT_TRUE(link->WaitEnd(kPatience))
        << "a dead database went unnoticed: " << batches.size()
        << " batches, acknowledged: " << link->acknowledged_batches();
    EXPECT_EQ(link->status().error_code(), grpc::StatusCode::UNAVAILABLE);
    owed = link->acknowledged_sequence();
  }
  EXPECT_EQ(HttpGet(first_->metrics_address() + "/readyz").status, 503);
  server_->Begin();
  bool all = false;
  for (int attempt = 0; attempt < 10 && !all; ++attempt) {
    const auto link = Link(*first_, identity, batches, nonce);
    if (!link->WaitWelcome(kPatience)) continue;
    EXPECT_GE(link->acknowledged_sequence(), owed);
    nonce = link->next_nonce();
    all = link->WaitAll(kPatience);
  }
  EXPECT_TRUE(all);
  EXPECT_EQ(first_->Terminate(), 0);
  const auto store = OpenEventsToRead(first_->directory()).value();
  uint64_t cursor = 0;
  EXPECT_EQ(store->ReadAfter(0, 1'000'000, &cursor)->size(), events.size());
}

// HAProxy in front of some ports, until it goes out of scope.
class Balancer {
 public:
  explicit Balancer(const std::string& directory) : directory_(directory) {}
  ~Balancer() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
  }

  static bool Installed() {
    return std::filesystem::exists("/usr/sbin/haproxy");
  }

  void Start(const std::vector<uint16_t>& ports) {
    port_ = platform::FreePort();
    const std::string file = directory_ + "/haproxy.cfg";
    std::ofstream config(file);
    config << "global\n  maxconn 2000\ndefaults\n  mode tcp\n"
              "  timeout connect 2s\n  timeout client 1h\n"
              "  timeout server 1h\n  retries 3\n  option redispatch\n"
              "listen devices\n  bind 127.0.0.1:"
           << port_ << "\n  balance leastconn\n";
    for (const uint16_t port : ports) {
      config << "  server c" << port << " 127.0.0.1:" << port
             << " check inter 300ms fall 1 rise 1\n";
    }
    config.close();
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string log = directory_ + "/haproxy.log";
    if (freopen(log.c_str(), "w", stderr) == nullptr) _exit(126);
    execl("/usr/sbin/haproxy", "haproxy", "-db", "-f", file.c_str(),
          static_cast<char*>(nullptr));
    _exit(127);
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  const std::string directory_;
  pid_t pid_ = -1;
  uint16_t port_ = 0;
};

// A device as real ones are: it connects again until all is acknowledged.
void ReportAll(const SimulatedHome& home, const SimulatedIdentity& identity,
               const std::vector<SealedBatch>& batches, bool* done) {
  std::string nonce;
  const absl::Duration start = platform::SystemClock().SinceBoot();
  while (!*done && platform::SystemClock().SinceBoot() - start < kPatience) {
    SimulatedLink::Options options;
    options.epoch = kEpoch;
    options.contact_nonce = nonce;
    options.now = platform::SystemClock().Now();
    options.linger = true;
    SimulatedLink link(OpenSimulatedChannel(home, &identity), batches,
                       std::move(options));
    if (!link.WaitWelcome(absl::Seconds(10))) continue;
    nonce = link.next_nonce();
    *done = link.WaitAll(kPatience);
  }
}

TEST_F(SharedTest, BehindABalancerAllArrivesOnceWhileCollectorsDie) {
  if (!Balancer::Installed()) GTEST_SKIP() << "HAProxy is not installed";
  constexpr size_t kDevices = 12;
  std::vector<uint16_t> ports;
  ChildCollector* const collectors[] = {first_.get(), second_.get()};
  for (ChildCollector* collector : collectors) {
    ports.push_back(platform::FreePort());
    ASSERT_EQ(collector->Terminate(), 0);
    const std::string file = collector->directory().Config();
    ASSERT_TRUE(WriteSecretFile(file, absl::StrReplaceAll(
                                          ReadSmallFile(file).value(),
                                          {{"listen: \"127.0.0.1:0\"",
                                            absl::StrCat("listen: \"127.0.0.1:",
                                                         ports.back(), "\"")}}))
                    .ok());
    ASSERT_TRUE(collector->StartAgain().ok());
  }
  home_ = first_->Home(kDevices).value();
  Balancer balancer(scratch_.path());
  balancer.Start(ports);
  std::vector<SimulatedIdentity> identities;
  std::vector<std::vector<SealedBatch>> batches;
  LoadPlan plan;
  plan.events_per_day = 3000;
  plan.end = platform::SystemClock().Now();
  for (uint32_t i = 0; i < kDevices; ++i) {
    identities.push_back(
        EnrolSimulated(home_, absl::StrCat("laptop-", i)).value());
    batches.push_back(
        SealBatches(identities[i], kEpoch, EventsOf(plan, i), 10).value());
  }
  home_.collector = balancer.address();
  bool done[kDevices] = {};
  std::vector<std::thread> devices;
  for (size_t i = 0; i < kDevices; ++i) {
    devices.emplace_back(
        [&, i] { ReportAll(home_, identities[i], batches[i], &done[i]); });
  }
  const auto store = OpenEventsToRead(second_->directory()).value();
  const auto stored = [&] {
    uint64_t cursor = 0;
    const auto all = store->ReadAfter(0, 1'000'000, &cursor);
    return all.ok() ? all->size() : 0;
  };
  // Each in turn, while events arrive.
  for (size_t round = 0; round < 4; ++round) {
    const size_t target = (round + 1) * kDevices * 400;
    const absl::Duration start = platform::SystemClock().SinceBoot();
    while (stored() < target) {
      ASSERT_LT(platform::SystemClock().SinceBoot() - start, kPatience);
    }
    collectors[round % 2]->Kill();
    const absl::Status again = collectors[round % 2]->StartAgain();
    ASSERT_TRUE(again.ok()) << again;
  }
  for (std::thread& device : devices) device.join();
  for (size_t i = 0; i < kDevices; ++i) EXPECT_TRUE(done[i]) << "device " << i;
  uint64_t cursor = 0;
  const auto all = store->ReadAfter(0, 1'000'000, &cursor).value();
  std::set<std::pair<std::string, uint64_t>> once;
  for (const StoredEvent& event : all) {
    once.emplace(event.device, event.event.sequence());
  }
  EXPECT_EQ(all.size(), kDevices * 3000u);
  EXPECT_EQ(once.size(), kDevices * 3000u);
}

}  // namespace
}  // namespace schoolgate::collector
