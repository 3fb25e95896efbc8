// The device looks after itself: what was touched is told as tampering, and
// the filter is tested after every change of network or rules.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "agent/decide/event_sink.h"
#include "agent/health/clock_steps.h"
#include "agent/health/filter_check.h"
#include "agent/health/last_run.h"
#include "agent/health/watched_files.h"

namespace schoolgate::agent {

struct HealthOptions {
  std::string state_directory;
  std::string boot_id;
  std::string root;  // of the files that are watched; "" in service
  std::string run_directory = "/run/schoolgate";
  v1::Place place = v1::PLACE_ONSITE;
};

// Not thread-safe. What happens before there is a sink is told when there is
// one.
class Health {
 public:
  static constexpr absl::Duration kLookEvery = absl::Seconds(10);
  static constexpr absl::Duration kNoteEvery = absl::Seconds(30);
  static constexpr absl::Duration kTestEvery = absl::Hours(6);

  Health(HealthOptions options, SelfTestWorld world);

  // Borrows it; null before enrolment.
  void SetSink(EventSink* sink) { sink_ = sink; }

  // To be called a few times a second. `bundle` names the rules in force.
  void Tick(absl::Time wall, absl::Duration since_boot, bool enforcing,
            const std::string& bundle);

  void Tell(const Touched& touched, absl::Time wall);

  // The agent was asked to end. Tells the school, unless the machine as a
  // whole goes down.
  void End(absl::Time wall, absl::Duration since_boot, bool machine_goes_down);

  // "pass", "fail: ..." or "" before the first test.
  const std::string& selftest() const { return selftest_; }
  // Of the running program.
  const std::string& binary_hash() const { return binary_hash_; }

 private:
  void Begin(absl::Time wall, absl::Duration since_boot);
  void LookAtFiles(absl::Time wall);
  void TestWhenDue(absl::Time wall, absl::Duration now, bool enforcing,
                   const std::string& bundle);
  void Note(absl::Duration since_boot, bool ended);
  void Emit(v1::Event event, absl::Time wall);

  const HealthOptions options_;
  EventSink* sink_ = nullptr;
  std::unique_ptr<WatchedFiles> files_;
  std::string remembered_;
  ClockSteps clock_;
  SelfTest test_;
  std::vector<std::pair<Touched, absl::Time>> untold_;
  std::string tested_;  // network and rules of the last test
  absl::Duration next_look_, next_note_, next_test_;
  std::string selftest_;
  std::string binary_hash_;
};

// What tells one network from another: routes and addresses. Of the machine
// under `root`.
std::string NetworkPrint(const std::string& root);

// Whether the service manager is taking the whole machine down; also true
// when it cannot be asked, for then it most likely is.
bool MachineGoesDown();

}  // namespace schoolgate::agent
