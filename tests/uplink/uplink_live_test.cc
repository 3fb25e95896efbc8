// What would go wrong for a user: a laptop that cannot enrol, or loses,
// doubles or delays events when its collector, its link or itself dies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/time/clock.h"
#include "agent/spool/spool_writer.h"
#include "agent/uplink/certificate.h"
#include "agent/uplink/uplink.h"
#include "platform/whole_file.h"
#include "proto/seal/hash.h"
#include "tests/uplink/cutting_proxy.h"
#include "tests/uplink/test_collector.h"

namespace schoolgate::tests {
namespace {

using agent::Uplink;

std::string MakeFolder() {
  std::string name = testing::TempDir() + "uplinkXXXXXX";
  return mkdtemp(name.data());
}

// The real clocks, but the wall may be wrong by `error`.
class SkewedClock : public platform::Clock {
 public:
  absl::Time Now() const override { return absl::Now() + error_.load(); }
  absl::Duration SinceBoot() const override {
    return platform::SystemClock().SinceBoot();
  }
  void SetError(absl::Duration error) { error_ = error; }

 private:
  std::atomic<absl::Duration> error_{absl::ZeroDuration()};
};

// The uplink on a thread of its own, as the program runs it.
class RunningUplink {
 public:
  RunningUplink(const agent::UplinkConfig& config, const platform::Clock& clock)
      : uplink_(std::move(*Uplink::Open(config, clock))), thread_([this] {
          while (!stop_) {
            uplink_->Turn(absl::Milliseconds(50), -1);
            const std::lock_guard lock(mutex_);
            status_ = uplink_->status();
          }
        }) {}
  ~RunningUplink() {
    stop_ = true;
    thread_.join();
  }
  agent::UplinkStatus status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  std::unique_ptr<Uplink> uplink_;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  agent::UplinkStatus status_;
  std::thread thread_;
};

class UplinkLiveTest : public testing::Test {
 protected:
  UplinkLiveTest() {
    std::filesystem::create_directory(folder_ + "/authority");
    collector_ = std::make_unique<TestCollector>(folder_ + "/authority",
                                                 absl::Now() - absl::Hours(1));
    collector_->Start();
    config_.state_directory = folder_ + "/state";
    config_.spool_directory = folder_ + "/state/spool";
    config_.enrolment_file = folder_ + "/enrolment.yaml";
    Seed("authority_fingerprint: " + collector_->fingerprint(), "good token");
  }
  ~UplinkLiveTest() override {
    uplink_.reset();
    writer_.reset();
    collector_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Seed(const std::string& authority, const std::string& token) {
    Seed(collector_->address(), authority, token);
  }
  void Seed(const std::string& address, const std::string& authority,
            const std::string& token) {
    std::ofstream(config_.enrolment_file)
        << "collector: " << address << "\n"
        << authority << "\ntoken: " << token << "\ninventory_number: 17\n";
  }

  void Start() { uplink_ = std::make_unique<RunningUplink>(config_, clock_); }

  bool Connected() {
    return collector_->WaitFor([this] { return uplink_->status().connected; });
  }

  nlohmann::json EnrolmentJson() {
    return nlohmann::json::parse(*platform::ReadWholeFile(
        config_.state_directory + "/identity/enrolment.json", 100'000));
  }

  // What the gate does once it finds the enrolment.
  void StartWriter() {
    ASSERT_TRUE(collector_->WaitFor([this] {
      return std::filesystem::exists(config_.state_directory +
                                     "/identity/enrolment.json");
    }));
    const auto json = EnrolmentJson();
    agent::SpoolOptions options;
    options.device = json["device"];
    options.collector_key =
        *seal::FromHex(json["sealing_key"].get<std::string>());
    auto key = seal::LoadOrCreateSigningKey(config_.state_directory +
                                            "/identity/signing.key");
    ASSERT_TRUE(key.ok()) << key.status();
    spool_ = *platform::OpenDirectory(config_.spool_directory);
    writer_ = *agent::SpoolWriter::Start(*spool_, options, *key, absl::Now());
  }

  void Append(int count, v1::Lane lane = v1::LANE_NORMAL) {
    for (int i = 0; i < count; ++i) {
      v1::Event event;
      event.mutable_tamper()->set_detail(std::string(200, 'x'));
      ASSERT_TRUE(writer_->Append(event, lane, clock_.SinceBoot()).ok());
    }
    appended_ += count;
  }

  bool AllArrived() {
    return collector_->WaitFor(
        [this] { return collector_->events() >= appended_; });
  }

  std::string folder_ = MakeFolder();
  SkewedClock clock_;
  agent::UplinkConfig config_;
  std::unique_ptr<TestCollector> collector_;
  std::unique_ptr<RunningUplink> uplink_;
  std::unique_ptr<platform::Directory> spool_;
  std::unique_ptr<agent::SpoolWriter> writer_;
  size_t appended_ = 0;
};

TEST_F(UplinkLiveTest, EnrolsWithATokenAndStreams) {
  Start();
  ASSERT_TRUE(Connected());
  StartWriter();
  Append(1000);
  Append(3, v1::LANE_URGENT);
  ASSERT_TRUE(AllArrived());
  EXPECT_EQ(collector_->events(), 1003u);
  EXPECT_EQ(collector_->fault(), "");
  EXPECT_EQ(collector_->repeats(), 0u);
  EXPECT_EQ(collector_->enrolments(), 1);
  const auto json = EnrolmentJson();
  for (const char* key :
       {"sealing_key", "pseudonym_key", "safeguarding_key", "police_key"}) {
    EXPECT_EQ(json[key].get<std::string>().size(), 64u) << key;
  }
  EXPECT_EQ(json["school"], "oakfield");
  EXPECT_EQ(*platform::ReadWholeFile(
                config_.state_directory + "/identity/rules_root", 1000),
            collector_->rules_root());
  EXPECT_TRUE(collector_->WaitFor(
      [this] { return uplink_->status().acknowledged == 1003; }));
}

TEST_F(UplinkLiveTest, ARestartGoesOnWithTheSameIdentityAndNonce) {
  Start();
  ASSERT_TRUE(Connected());
  uplink_.reset();
  StartWriter();
  Append(10);
  Start();
  ASSERT_TRUE(AllArrived());
  EXPECT_EQ(collector_->enrolments(), 1);
  EXPECT_EQ(collector_->last_hello().contact_nonce(), "nonce 1");
  EXPECT_FALSE(collector_->last_hello().boot_id().empty());
}

TEST_F(UplinkLiveTest, ACollectorThatDiesBetweenCommitAndAckLosesNothing) {
  Start();
  ASSERT_TRUE(Connected());
  StartWriter();
  collector_->SetConduct(Conduct::kDieBeforeAck);
  Append(5000);
  ASSERT_TRUE(
      collector_->WaitFor([this] { return collector_->streams() >= 4; }));
  collector_->SetConduct(Conduct::kGood);
  ASSERT_TRUE(AllArrived());
  EXPECT_EQ(collector_->events(), appended_);
  EXPECT_EQ(collector_->fault(), "");
}

TEST_F(UplinkLiveTest, ACollectorThatIsDownIsWaitedFor) {
  Start();
  ASSERT_TRUE(Connected());
  StartWriter();
  collector_->Stop();
  Append(100);
  ASSERT_TRUE(
      collector_->WaitFor([this] { return !uplink_->status().connected; }));
  collector_->Start();
  ASSERT_TRUE(AllArrived());
  EXPECT_EQ(collector_->fault(), "");
}

TEST_F(UplinkLiveTest, ABlackHoledLinkIsLeftAndNothingIsLost) {
  Start();
  ASSERT_TRUE(Connected());
  StartWriter();
  collector_->SetConduct(Conduct::kBlackHole);
  collector_->Stop();
  collector_->Start();
  ASSERT_TRUE(
      collector_->WaitFor([this] { return collector_->streams() >= 2; }));
  Append(100);
  // Only the deadline for acknowledgements can end this stream: the server's
  // own keepalive answers are good.
  ASSERT_TRUE(
      collector_->WaitFor([this] { return collector_->streams() >= 3; }));
  collector_->SetConduct(Conduct::kGood);
  ASSERT_TRUE(AllArrived());
  EXPECT_EQ(collector_->fault(), "");
}

// Filters and proxies of schools end what lasts long or carries much.
TEST_F(UplinkLiveTest, AProxyThatCutsEveryStreamCostsRepeatsAndLosesNothing) {
  CuttingProxy proxy(collector_->address());
  Seed(proxy.address(), "authority_fingerprint: " + collector_->fingerprint(),
       "good token");
  Start();
  ASSERT_TRUE(Connected());
  StartWriter();
  // In the middle of batches, of a greeting and of a handshake. Who is not even
  // greeted waits longer each time.
  for (const size_t bytes : {200'000, 90'000, 9'000, 2'500}) {
    const int before = proxy.cuts();
    proxy.CutAfter(bytes);
    collector_->Stop();  // so that a stream begins under this rule
    collector_->Start();
    Append(1000);
    ASSERT_TRUE(collector_->WaitFor([&] { return proxy.cuts() > before; }))
        << bytes;
  }
  proxy.CutAfter(0);
  ASSERT_TRUE(AllArrived());
  EXPECT_EQ(collector_->events(), appended_);
  EXPECT_EQ(collector_->fault(), "");
  EXPECT_EQ(collector_->enrolments(), 1);
}

TEST_F(UplinkLiveTest, ABundleIsFetchedOnWhereItEndedAndAppearsWhole) {
  const std::string bundle(2'000'000, 'b');
  collector_->OfferBundle(bundle, 7);
  collector_->CutFetchAfter(1'000'000);
  Start();
  ASSERT_TRUE(collector_->WaitFor(
      [this] { return collector_->fetch_offsets().size() == 1; }));
  ASSERT_TRUE(collector_->WaitFor(
      [this] { return !uplink_->status().problem.empty(); }));
  // The next contact offers it again.
  collector_->Stop();
  collector_->Start();
  std::string found;
  ASSERT_TRUE(collector_->WaitFor([&] {
    for (const auto& entry : std::filesystem::directory_iterator(
             config_.state_directory + "/incoming")) {
      if (entry.path().extension() == ".bundle") found = entry.path();
    }
    return !found.empty();
  }));
  EXPECT_EQ(*platform::ReadWholeFile(found, 10'000'000), bundle);
  EXPECT_EQ(collector_->fetch_offsets().back(), 1'000'000u);
  EXPECT_EQ(std::filesystem::path(found).filename().string().substr(0, 2),
            "7-");
}

// A disk that damaged the rules would leave what they listed open for good: as
// the uplink sees it, the rules are there and were fetched.
TEST_F(UplinkLiveTest, DamagedRulesAreFetchedAnew) {
  collector_->OfferBundle(std::string(200'000, 'b'), 7);
  Start();
  const std::string rules = config_.state_directory + "/rules";
  std::filesystem::create_directories(rules);
  const auto take = [&] {
    for (const auto& entry : std::filesystem::directory_iterator(
             config_.state_directory + "/incoming")) {
      if (entry.path().extension() != ".bundle") continue;
      std::filesystem::rename(entry.path(), rules + "/current.bundle");
      return true;
    }
    return false;
  };
  ASSERT_TRUE(collector_->WaitFor(take));
  ASSERT_EQ(collector_->fetch_offsets().size(), 1u);
  // What the agent writes when a page of it cannot be read.
  std::ofstream(rules + "/wanted") << "x";
  ASSERT_TRUE(collector_->WaitFor(take));
  EXPECT_EQ(collector_->fetch_offsets().size(), 2u);
  EXPECT_EQ(collector_->last_hello().bundle_hash(), "");
  std::filesystem::remove(rules + "/wanted");
  collector_->Stop();
  collector_->Start();
  ASSERT_TRUE(collector_->WaitFor(
      [this] { return !collector_->last_hello().bundle_hash().empty(); }));
  EXPECT_EQ(collector_->fetch_offsets().size(), 2u);
}

TEST_F(UplinkLiveTest, AWrongTokenIsToldAndNotHammered) {
  Seed("authority_fingerprint: " + collector_->fingerprint(), "bad");
  Start();
  ASSERT_TRUE(collector_->WaitFor(
      [this] { return !uplink_->status().problem.empty(); }));
  EXPECT_THAT(uplink_->status().problem, testing::HasSubstr("token_unknown"));
  EXPECT_EQ(collector_->enrolments(), 0);
  EXPECT_FALSE(uplink_->status().enrolled);
}

TEST_F(UplinkLiveTest, AnImpostorIsNotEnrolledWith) {
  Seed("authority_fingerprint: " + std::string(64, 'a'), "good token");
  Start();
  ASSERT_TRUE(collector_->WaitFor(
      [this] { return !uplink_->status().problem.empty(); }));
  EXPECT_THAT(uplink_->status().problem,
              testing::HasSubstr("expected authority"));
  EXPECT_EQ(collector_->enrolments(), 0);
}

TEST_F(UplinkLiveTest, ABannedDeviceSaysSoAndDoesNotEnrolAgain) {
  Start();
  ASSERT_TRUE(Connected());
  collector_->SetConduct(Conduct::kRefuseBanned);
  collector_->Stop();
  collector_->Start();
  ASSERT_TRUE(collector_->WaitFor([this] {
    return uplink_->status().problem.find("banned") != std::string::npos;
  }));
  EXPECT_EQ(collector_->enrolments(), 1);
}

TEST_F(UplinkLiveTest, AClockOf1970EnrolsStreamsAndIsTold) {
  clock_.SetError(absl::UnixEpoch() - absl::Now());
  Start();
  ASSERT_TRUE(Connected());
  StartWriter();
  Append(5);
  ASSERT_TRUE(AllArrived());
  EXPECT_TRUE(uplink_->status().clock_wrong);
  EXPECT_LT(uplink_->status().clock_error, -absl::Hours(24 * 365 * 40));
}

TEST_F(UplinkLiveTest, AClockTenYearsAheadStillReachesTheCollector) {
  Start();
  ASSERT_TRUE(Connected());
  uplink_.reset();
  clock_.SetError(absl::Hours(24 * 3650));
  Start();
  ASSERT_TRUE(Connected());
  EXPECT_TRUE(uplink_->status().clock_wrong);
}

TEST_F(UplinkLiveTest, ACertificateIsRenewedAndSwappedAfterItProvedItself) {
  collector_->SetFirstLifetime(absl::Seconds(2));
  Start();
  ASSERT_TRUE(Connected());
  const std::string file = config_.state_directory + "/identity/device.crt";
  ASSERT_TRUE(
      collector_->WaitFor([this] { return collector_->renewals() >= 1; }));
  StartWriter();
  Append(5);
  collector_->Stop();
  collector_->Start();
  ASSERT_TRUE(AllArrived());
  const std::string candidate =
      config_.state_directory + "/identity/candidate.json";
  EXPECT_TRUE(collector_->WaitFor([&] {
    const auto times = agent::TimesOf(*platform::ReadWholeFile(file, 100'000));
    return times.ok() &&
           times->not_after - times->not_before > absl::Hours(24) &&
           !std::filesystem::exists(candidate);
  }));
  EXPECT_EQ(collector_->enrolments(), 1);
}

// A fleet that learned of a new authority only when its certificates are old
// would be locked out the day the old authority goes.
TEST_F(UplinkLiveTest, ANewAuthorityReachesTheDeviceBeforeTheOldOneGoes) {
  Start();
  ASSERT_TRUE(Connected());
  StartWriter();
  Append(3);
  ASSERT_TRUE(AllArrived());
  EXPECT_EQ(collector_->renewals(), 0) << "nothing has changed";
  const auto knows = [this] {
    seal::Hasher hasher;
    hasher.Add(collector_->authority_pem());
    return collector_->last_hello().authority_hash() == hasher.Finish();
  };
  collector_->Stop();
  collector_->BeginRotation(folder_ + "/next");
  collector_->Start();
  ASSERT_TRUE(collector_->WaitFor(knows));
  EXPECT_EQ(collector_->renewals(), 1);
  collector_->Stop();
  collector_->EndRotation();
  collector_->Start();
  Append(3);
  ASSERT_TRUE(AllArrived()) << uplink_->status().problem;
  EXPECT_EQ(collector_->fault(), "");
}

TEST_F(UplinkLiveTest, ALostCertificateIsBoughtAgainWithTheSigningKey) {
  Start();
  ASSERT_TRUE(Connected());
  uplink_.reset();
  std::filesystem::remove(config_.state_directory + "/identity/device.crt");
  Start();
  ASSERT_TRUE(Connected());
  EXPECT_EQ(collector_->renewals(), 1);
  EXPECT_EQ(collector_->enrolments(), 1);
}

// The program itself, killed again and again.
class Program {
 public:
  explicit Program(const std::string& config) {
    pid_ = fork();
    if (pid_ == 0) {
      execl(UPLINK_PROGRAM, UPLINK_PROGRAM, "run", "--config", config.c_str(),
            nullptr);
      _exit(127);
    }
  }
  ~Program() { Kill(); }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  int End() {
    kill(pid_, SIGTERM);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
};

TEST_F(UplinkLiveTest, TheProgramSurvivesKillNineAndLosesNothing) {
  const std::string file = folder_ + "/agent.yaml";
  std::ofstream(file) << "state_directory: " << config_.state_directory
                      << "\nenrolment_file: " << config_.enrolment_file
                      << "\ninterface: any\n";
  {
    Program program(file);
    StartWriter();
  }
  for (int i = 0; i < 8; ++i) {
    Append(2000);
    Program program(file);
    const size_t before = collector_->events();
    ASSERT_TRUE(collector_->WaitFor(
        [&] { return collector_->events() > before || i % 2 == 1; }));
    program.Kill();
  }
  Program program(file);
  ASSERT_TRUE(AllArrived());
  EXPECT_EQ(program.End(), 0) << "asked to end, it ends well";
  EXPECT_EQ(collector_->events(), appended_);
  EXPECT_EQ(collector_->fault(), "");
  auto status =
      agent::ReadStatus(config_.state_directory, config_.spool_directory);
  ASSERT_TRUE(status.ok());
  const auto json = nlohmann::json::parse(*status);
  EXPECT_EQ(json["connected"], false);
  EXPECT_EQ(json["device"], "D-4KQ7X2M9");
}

}  // namespace
}  // namespace schoolgate::tests
