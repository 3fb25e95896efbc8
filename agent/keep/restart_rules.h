// When an agent that has ended is started again, and when the network is
// opened because there is none that works.
#pragma once

#include "absl/time/time.h"

namespace schoolgate::agent {

// How a run ended.
enum class RunEnd {
  kKilled,  // by somebody's SIGKILL, or the kernel's for want of memory
  kFault,   // it crashed, gave up, hung, or never became ready
};

// A value; told the time since boot.
class RestartRules {
 public:
  // Faults in succession after which the network is opened.
  static constexpr int kMostFaults = 3;
  // A run that lasted so long after it was ready wipes earlier faults away.
  static constexpr absl::Duration kProven = absl::Seconds(5);
  // The network is opened when no run has been ready for so long.
  static constexpr absl::Duration kLongestWithout = absl::Seconds(10);
  // A start that takes longer is a fault.
  static constexpr absl::Duration kLongestStart = absl::Seconds(8);
  // Between tries once the network is open; doubles up to the second.
  static constexpr absl::Duration kFirstPause = absl::Seconds(2);
  static constexpr absl::Duration kLongestPause = absl::Seconds(60);

  explicit RestartRules(absl::Duration now) : last_ready_(now) {}

  void OnReady(absl::Duration now);

  // The pause before the next start.
  absl::Duration OnEnd(RunEnd end, absl::Duration now);

  // Whether there has been no working agent for too long. Once opened, the
  // network stays so until an agent is ready.
  bool MustOpen(absl::Duration now) const;
  void OnOpened();

  bool opened() const { return opened_; }
  int faults() const { return faults_; }

  // The latest moment at which MustOpen changes by itself; infinite when it
  // does not.
  absl::Duration OpensAt() const;

 private:
  bool ready_ = false;
  absl::Duration ready_at_;
  absl::Duration last_ready_;  // when there last was a ready run
  int faults_ = 0;
  bool opened_ = false;
  absl::Duration pause_ = kFirstPause;
};

}  // namespace schoolgate::agent
