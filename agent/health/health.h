// The device looks after itself: what was touched is told as tampering, and
// the filter is tested after every change of network or rules.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/health/clock_steps.h"
#include "agent/health/filter_check.h"
#include "agent/health/incidents.h"
#include "agent/health/watched_files.h"

namespace schoolgate::agent {

struct HealthOptions {
  std::string state_directory;
  std::string boot_id;
  std::string root;      // of the files that are watched; "" in service
  std::string last_end;  // of the run before, where the keeper knows; else ""
  // Left by whoever had to open the network while the agent could not start.
  std::string opened_mark;
};

// How the agent stands, for a Tick.
struct HealthFacts {
  bool has_rules = false;
  bool enforcing = false;        // what the rules block is stopped
  bool harden_browsers = false;  // as the rules ask
};

// Not thread-safe. Borrows `incidents` for its life. Files are read,
// hashed and written on a thread of its own: no packet waits for a disk.
class Health {
 public:
  static constexpr absl::Duration kLookEvery = absl::Seconds(10);
  static constexpr absl::Duration kNoteEvery = absl::Seconds(30);
  static constexpr absl::Duration kTestEvery = absl::Hours(6);
  static constexpr absl::Duration kTestAgain = absl::Minutes(1);  // it failed

  Health(HealthOptions options, FilterCheckWorld world, Incidents& incidents);
  ~Health();

  // The filter is to be tested at this time since boot, however long ago the
  // last test was. The first Tick tests in any case.
  void TestAt(absl::Duration when);

  // To be called a few times a second.
  void Tick(absl::Time wall, absl::Duration since_boot,
            const HealthFacts& facts);

  // Whether files are being read; the next Tick after that tells.
  bool looking() const;

  // The agent was asked to end. Tells the school, unless the machine as a
  // whole goes down.
  void End(absl::Duration since_boot, bool machine_goes_down);

  // "pass", "fail: ..." or "" before the first test.
  const std::string& selftest() const { return selftest_; }
  // Of the running program; empty before it was read.
  const std::string& binary_hash() const { return binary_hash_; }
  // At the last look; empty before it.
  const std::vector<v1::BrowserState>& browsers() const { return browsers_; }

 private:
  // What one look at the files found.
  struct Look {
    std::vector<Touched> touched;
    std::string remembered;
    std::string binary_hash;  // at the first look
    std::vector<v1::BrowserState> browsers;
  };

  void TellPast(absl::Duration since_boot);
  void ForgetMark();
  void LookAtFiles(absl::Duration now, bool harden_browsers);
  Look ReadFiles(bool harden_browsers);
  void KeepRemembered();
  void Test(absl::Duration now, const HealthFacts& facts);
  void OnTested(const std::vector<CheckResult>& results, absl::Duration now);
  void Tell(const Touched& touched);
  void Note(absl::Duration since_boot, bool ended);

  const HealthOptions options_;
  Incidents& incidents_;
  bool past_told_ = false;
  bool marked_ = false;  // opened_mark is there and told, not yet removed
  ClockSteps clock_;
  FilterCheck check_;
  bool asked_for_ = true;  // the next test is not one of a row of retries
  absl::Duration next_look_, next_note_, next_test_;
  std::string selftest_;
  std::string binary_hash_;
  std::vector<v1::BrowserState> browsers_;
  std::string to_remember_;
  std::string remembered_;               // as it lies in the file
  std::atomic<bool> ending_ = false;     // the look is to be given up
  std::unique_ptr<WatchedFiles> files_;  // the look's alone while there is one
  std::future<Look> look_;
};

}  // namespace schoolgate::agent
