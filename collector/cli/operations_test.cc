// A collector that is watched, reloaded and stopped as an operator does it:
// a process of its own, signals, HTTP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "collector/cli/child_collector.h"
#include "collector/cli/load.h"
#include "collector/fleet/secret_file.h"
#include "collector/metrics/http_get_test.h"
#include "collector/store/alert_store.h"
#include "collector/store/event_store.h"
#include "collector/store/feed_store.h"
#include "collector/store/scratch_test.h"
#include "platform/clock.h"

namespace schoolgate::collector {
namespace {

using testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr uint64_t kEpoch = 6;

std::string Program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() /
         "schoolgate-collector";
}

class OperationsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto child = ChildCollector::Start(Program(), scratch_.path());
    ASSERT_TRUE(child.ok()) << child.status();
    child_ = *std::move(child);
    home_ = child_->Home(10).value();
  }

  SimulatedIdentity Enrolled(const std::string& name) {
    auto identity = EnrolSimulated(home_, name);
    EXPECT_TRUE(identity.ok()) << identity.status();
    return *std::move(identity);
  }

  std::vector<SealedBatch> Batches(const SimulatedIdentity& identity,
                                   uint32_t events, size_t batch = 10) {
    LoadPlan plan;
    plan.events_per_day = events;
    plan.end = platform::SystemClock().Now();
    return SealBatches(identity, kEpoch, EventsOf(plan, 3), batch).value();
  }

  std::unique_ptr<SimulatedLink> Link(const SimulatedIdentity& identity,
                                      const std::vector<SealedBatch>& batches) {
    SimulatedLink::Options options;
    options.epoch = kEpoch;
    options.now = platform::SystemClock().Now();
    options.linger = true;
    return std::make_unique<SimulatedLink>(
        OpenSimulatedChannel(home_, &identity), batches, options);
  }

  HttpAnswer Ask(const std::string& path) {
    return HttpGet(child_->metrics_address() + path);
  }

  double Metric(const std::string& sample) {
    const std::string text = "\n" + Ask("/metrics").body;
    const size_t at = text.find("\n" + sample + " ");
    if (at == std::string::npos) return -1;
    return std::stod(text.substr(at + sample.size() + 2));
  }

  // Until the collector has taken note; the test fails when it never does.
  void AwaitMetric(const std::string& sample, double value) {
    const absl::Duration start = platform::SystemClock().SinceBoot();
    while (Metric(sample) != value) {
      ASSERT_LT(platform::SystemClock().SinceBoot() - start, kPatience)
          << sample << " is " << Metric(sample) << " and not " << value;
      std::this_thread::yield();
    }
  }

  void ChangeConfig(const std::string& from, const std::string& to) {
    const std::string file = child_->directory().Config();
    const std::string text = ReadSmallFile(file).value();
    ASSERT_THAT(text, HasSubstr(from));
    ASSERT_TRUE(
        WriteSecretFile(file, absl::StrReplaceAll(text, {{from, to}})).ok());
  }

  Scratch scratch_;
  std::unique_ptr<ChildCollector> child_;
  SimulatedHome home_;
};

TEST_F(OperationsTest, FiguresFollowWhatHappens) {
  EXPECT_EQ(Metric("schoolgate_ingest_events_total"), 0);
  EXPECT_EQ(Metric("schoolgate_backup_last_timestamp_seconds"), 0);
  const SimulatedIdentity identity = Enrolled("laptop");
  const auto batches = Batches(identity, 50);
  const auto link = Link(identity, batches);
  ASSERT_TRUE(link->WaitAll(kPatience)) << link->status().error_message();
  EXPECT_EQ(Metric("schoolgate_ingest_events_total"), 50);
  EXPECT_EQ(Metric("schoolgate_ingest_batches_total"), 5);
  EXPECT_EQ(Metric("schoolgate_uplink_streams"), 1);
  EXPECT_EQ(Metric("schoolgate_ingest_queued_bytes"), 0);
  EXPECT_EQ(Metric("schoolgate_ingest_acknowledgement_seconds_count"), 5);
  EXPECT_GT(Metric("schoolgate_ingest_commits_total"), 0);
  EXPECT_EQ(Metric("schoolgate_enrolments_total{result=\"given\"}"), 1);
  EXPECT_GT(Metric("schoolgate_store_bytes{part=\"events\"}"), 50);
  EXPECT_GT(Metric("schoolgate_disk_free_bytes"), 0);
  const double now =
      absl::ToDoubleSeconds(platform::SystemClock().Now() - absl::UnixEpoch());
  EXPECT_GT(Metric("schoolgate_certificate_expiry_timestamp_seconds"
                   "{certificate=\"uplink\"}"),
            now);
  EXPECT_EQ(Ask("/healthz").status, 200);
  EXPECT_EQ(Ask("/readyz").status, 200);
  home_.token = "sg1.nobody.nothing";
  EXPECT_FALSE(EnrolSimulated(home_, "stranger").ok());
  EXPECT_EQ(Metric("schoolgate_enrolments_total{result=\"refused\"}"), 1);
}

// Names follow Prometheus' conventions, and no label says anything about a
// person, a device, a host or a school.
TEST_F(OperationsTest, NoFigureIsAboutAPerson) {
  const SimulatedIdentity identity = Enrolled("laptop-of-somebody");
  const auto batches = Batches(identity, 50);
  const auto link = Link(identity, batches);
  ASSERT_TRUE(link->WaitAll(kPatience));
  const std::map<std::string, std::set<std::string>> allowed = {
      {"version", {SCHOOLGATE_VERSION}},
      {"result", {"good", "refused", "given", "failed"}},
      {"part", {"events", "main", "refused"}},
      {"state", {"active", "quarantined", "banned", "decommissioned"}},
      {"longer_than", {"15m", "72h"}},
      {"trouble",
       {"clock", "not_capturing", "rules_refused", "certificate_ends"}},
      {"severity", {"illegal", "serious", "rule_break", "routine"}},
      {"kind", {"grpc", "dashboard"}},
      {"certificate", {"authority", "uplink", "web"}}};
  const std::regex line(
      "([a-z_]+)(\\{(?:[a-z_]+=\"[^\"]*\",?)+\\})? (-?[0-9.e+-]+)");
  const std::regex label("([a-z_]+)=\"([^\"]*)\"");
  std::map<std::string, std::string> types;
  size_t samples = 0;
  for (const std::string& text :
       std::vector<std::string>(absl::StrSplit(Ask("/metrics").body, '\n'))) {
    if (text.empty() || absl::StartsWith(text, "# HELP ")) continue;
    if (absl::StartsWith(text, "# TYPE ")) {
      const std::vector<std::string> words = absl::StrSplit(text, ' ');
      EXPECT_TRUE(types.emplace(words[2], words[3]).second)
          << words[2] << " is there twice";
      EXPECT_EQ(words[3] == "counter", absl::EndsWith(words[2], "_total"))
          << words[2];
      EXPECT_TRUE(absl::StartsWith(words[2], "schoolgate_") ||
                  absl::StartsWith(words[2], "process_"))
          << words[2];
      continue;
    }
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(text, parts, line)) << text;
    ++samples;
    const std::string labels = parts[2];
    for (std::sregex_iterator one(labels.begin(), labels.end(), label), end;
         one != end; ++one) {
      if ((*one)[1] == "le") continue;
      const auto known = allowed.find((*one)[1]);
      ASSERT_NE(known, allowed.end()) << text;
      EXPECT_TRUE(known->second.contains((*one)[2])) << text;
    }
  }
  EXPECT_GT(types.size(), 30u);
  EXPECT_GT(samples, 60u);
}

TEST_F(OperationsTest, ABadConfigurationLeavesTheRunningOneAlone) {
  const std::string good = ReadSmallFile(child_->directory().Config()).value();
  ChangeConfig("keep_event_days: 90", "keep_event_days: many");
  child_->Signal(SIGHUP);
  AwaitMetric("schoolgate_configuration_reloads_total{result=\"refused\"}", 1);
  EXPECT_EQ(Metric("schoolgate_configuration_last_reload_successful"), 0);
  EXPECT_EQ(Ask("/readyz").status, 200);
  const SimulatedIdentity identity = Enrolled("laptop");
  const auto batches = Batches(identity, 10);
  const auto link = Link(identity, batches);
  ASSERT_TRUE(link->WaitAll(kPatience)) << "the old one does not run on";

  ASSERT_TRUE(WriteSecretFile(child_->directory().Config(), good).ok());
  ChangeConfig("keep_event_days: 90", "keep_event_days: 60");
  child_->Signal(SIGHUP);
  AwaitMetric("schoolgate_configuration_reloads_total{result=\"good\"}", 1);
  EXPECT_EQ(Metric("schoolgate_configuration_last_reload_successful"), 1);
}

// Where alerts go must not wait for a restart, and a mistake must not end it.
TEST_F(OperationsTest, FeedsAreReadAgainOnReload) {
  const std::string secret = scratch_.File("hook.secret");
  ASSERT_TRUE(WriteSecretFile(secret, "sixteen characters").ok());
  const std::string file = child_->directory().Feeds();
  ASSERT_TRUE(WriteSecretFile(file, "webhooks: many\n").ok());
  child_->Signal(SIGHUP);
  AwaitMetric("schoolgate_configuration_reloads_total{result=\"refused\"}", 1);
  ASSERT_TRUE(
      WriteSecretFile(file, absl::StrCat("webhooks:\n  - name: casebook\n"
                                         "    account: lead\n"
                                         "    url: http://127.0.0.1:1/hook\n"
                                         "    secret_file: ",
                                         secret, "\n"))
          .ok());
  child_->Signal(SIGHUP);
  AwaitMetric("schoolgate_configuration_reloads_total{result=\"good\"}", 1);
  const auto feeds = OpenSqliteFeedStore(child_->directory().Main()).value();
  const absl::Duration start = platform::SystemClock().SinceBoot();
  while (feeds->All().value().empty()) {
    ASSERT_LT(platform::SystemClock().SinceBoot() - start, kPatience);
    std::this_thread::yield();
  }
  EXPECT_EQ(feeds->All().value()[0].name, "webhook/casebook");
}

TEST_F(OperationsTest, ACertificateThatIsNoneIsRefused) {
  ChangeConfig("log_level: \"info\"", "log_level: \"debug\"");
  child_->Signal(SIGHUP);
  AwaitMetric("schoolgate_configuration_reloads_total{result=\"good\"}", 1);
  std::ofstream(scratch_.File("rubbish.crt")) << "no certificate";
  ChangeConfig("log_level: \"debug\"",
               absl::StrCat("web_certificate: ", scratch_.File("rubbish.crt"),
                            "\nweb_key: ", scratch_.File("rubbish.crt"),
                            "\nlog_level: \"debug\""));
  child_->Signal(SIGHUP);
  AwaitMetric("schoolgate_configuration_reloads_total{result=\"refused\"}", 1);
}

// What an operator's restart must not cost: an event that is stored but not
// acknowledged is sent twice, one acknowledged and not stored is lost.
TEST_F(OperationsTest, StoppingUnderLoadAcknowledgesExactlyWhatIsStored) {
  const SimulatedIdentity identity = Enrolled("laptop");
  const auto batches = Batches(identity, 200'000, 20);
  const auto link = Link(identity, batches);
  ASSERT_TRUE(link->WaitWelcome(kPatience));
  while (link->acknowledged_sequence() < 2000) {
    ASSERT_FALSE(link->WaitEnd(absl::Milliseconds(1)))
        << link->status().error_message();
  }
  EXPECT_EQ(child_->Terminate(), 0);
  ASSERT_TRUE(link->WaitEnd(kPatience));
  EXPECT_EQ(link->status().error_code(), grpc::StatusCode::UNAVAILABLE);
  const auto store =
      OpenSqliteEventStoreToRead(child_->directory().Events()).value();
  uint64_t cursor = 0;
  const auto stored = store->ReadAfter(0, 1'000'000, &cursor).value();
  EXPECT_LT(stored.size(), 200'000u) << "nothing was left to drain";
  EXPECT_EQ(stored.size(), link->acknowledged_sequence());
}

TEST_F(OperationsTest, AnAlertLeadsBackToItsEvent) {
  const SimulatedIdentity identity = Enrolled("laptop");
  LoadPlan plan;
  plan.events_per_day = 500;
  plan.days = 4;
  plan.end = platform::SystemClock().Now();
  constexpr uint32_t kTrier = 7;  // the simulated person who keeps trying
  const auto batches =
      SealBatches(identity, kEpoch, EventsOf(plan, kTrier), 100).value();
  const auto link = Link(identity, batches);
  ASSERT_TRUE(link->WaitAll(kPatience));
  const auto alerts = OpenSqliteAlertStore(child_->directory().Main()).value();
  ASSERT_GT(alerts->WaitForChange(0, kPatience), 0u);
  const v1::Alert alert = alerts->ChangesAfter(0, 1)->front();
  EXPECT_THAT(alert.trace_id(), testing::MatchesRegex("[0-9a-f]{32}"));
  const std::string command =
      absl::StrCat(Program(), " trace --json --data ", scratch_.path(), " ",
                   alert.trace_id());
  FILE* pipe = popen(command.c_str(), "r");
  char line[4096] = {};
  ASSERT_NE(fgets(line, sizeof line, pipe), nullptr);
  EXPECT_EQ(pclose(pipe), 0);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["trace"], alert.trace_id());
  EXPECT_EQ(json["device"], identity.enrolled.device());
  EXPECT_TRUE(json.contains("received"));
  EXPECT_THAT(std::string(line), testing::Not(HasSubstr("example.test")));
}

}  // namespace
}  // namespace schoolgate::collector
