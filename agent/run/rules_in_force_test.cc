#include "agent/run/rules_in_force.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/decide/event_sink.h"
#include "rules/trust/example/example_school.h"

namespace schoolgate::agent {
namespace {

namespace fs = std::filesystem;

class List : public EventSink {
 public:
  void Emit(v1::Event event) override { events.push_back(std::move(event)); }
  std::vector<v1::Event> events;
};

class RulesInForceTest : public testing::Test {
 protected:
  RulesInForceTest() {
    std::string name = testing::TempDir() + "/in-force.XXXXXX";
    folder_ = mkdtemp(name.data());
    fs::create_directories(folder_ + "/identity");
    fs::create_directories(folder_ + "/incoming");
    rules::WriteBytes(folder_ + "/identity/rules_root",
                      rules::ExampleRootFile());
    incidents_.SendTo(&list_);
    rules_ =
        std::make_unique<RulesInForce>(folder_, clock_, status_, incidents_);
    EXPECT_TRUE(rules_->Open(verdicts_).ok());
  }
  ~RulesInForceTest() override {
    rules_.reset();
    fs::remove_all(folder_);
  }

  // As the uplink does; until it has been judged.
  void Deliver() {
    const std::string path = folder_ + "/incoming/10-made.bundle";
    rules::WriteExample(folder_ + "/made", {});
    fs::rename(folder_ + "/made", path);
    do {
      (void)rules_->Turn();
      std::this_thread::yield();
    } while (fs::exists(path));
    // Judged on a thread that removes the file a moment before it is done.
    for (int turn = 0; turn < 1000 && Blocked() != true; ++turn) {
      (void)rules_->Turn();
      usleep(1000);
    }
  }

  bool Blocked() {
    if (rules_->rules() == nullptr) return false;
    const Who pupil{.group = "pupils"};
    return verdicts_.For("adult.test", pupil, absl::ToUnixMicros(clock_.Now()))
               .action == rules::Action::kBlock;
  }

  size_t Told(const std::string& kind) {
    return static_cast<size_t>(std::count_if(
        list_.events.begin(), list_.events.end(), [&](const v1::Event& event) {
          return event.tamper().kind() == kind ||
                 (event.self_test().what() == kind &&
                  event.self_test().passed());
        }));
  }

  std::string Wanted() const { return folder_ + "/rules/" + kRulesWanted; }

  std::string folder_;
  List list_;
  platform::ManualClock clock_{rules::ExampleTime()};
  AgentStatus status_;
  Incidents incidents_{clock_, v1::PLACE_ONSITE};
  Verdicts verdicts_{"D-TEST"};
  std::unique_ptr<RulesInForce> rules_;
};

// A disk that fails opens what the damaged pages listed: somebody must learn
// of it, and a fresh file must mend it without anybody's visit.
TEST_F(RulesInForceTest, ADamagedFileIsToldAskedForAnewAndMended) {
  Deliver();
  ASSERT_TRUE(Blocked());
  (void)rules_->Turn();
  EXPECT_FALSE(fs::exists(Wanted()));
  ASSERT_EQ(truncate((folder_ + "/rules/current.bundle").c_str(), 0), 0);
  clock_.Advance(absl::Minutes(2));  // what was judged is forgotten
  EXPECT_FALSE(Blocked());
  (void)rules_->Turn();
  (void)rules_->Turn();
  EXPECT_EQ(Told("rules_damaged"), 1u);
  EXPECT_TRUE(fs::exists(Wanted()));
  v1::Heartbeat beat;
  rules_->AddTo(&beat);
  EXPECT_GT(beat.rules_lost_pages() + beat.rules_damaged_pages(), 0u);
  // Asked for again as long as it lasts.
  fs::remove(Wanted());
  (void)rules_->Turn();
  EXPECT_FALSE(fs::exists(Wanted()));
  clock_.Advance(absl::Minutes(11));
  (void)rules_->Turn();
  EXPECT_TRUE(fs::exists(Wanted()));

  Deliver();
  EXPECT_TRUE(Blocked());
  (void)rules_->Turn();
  EXPECT_FALSE(fs::exists(Wanted()));
  EXPECT_EQ(Told("rules_damaged"), 1u);
  EXPECT_EQ(Told("rules"), 1u);
  EXPECT_EQ(status_.rules_problem, "");
}

}  // namespace
}  // namespace schoolgate::agent
