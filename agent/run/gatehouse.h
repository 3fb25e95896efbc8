// The gate's life: it brings queue and table into the kernel, keeps them
// there, and hands them over when the agent dies. What is judged, the Gate
// knows.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "agent/decide/watch.h"
#include "agent/enforce/gate.h"
#include "agent/enforce/kernel_table.h"
#include "agent/enforce/live_flows.h"
#include "agent/enforce/shadow_gate.h"
#include "agent/enforce/table_guard.h"
#include "agent/health/incidents.h"
#include "agent/run/gate_mode.h"
#include "agent/run/service.h"
#include "platform/clock.h"
#include "platform/packet_sender.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows what it is given for its own life.
class Gatehouse {
 public:
  // `owned_table`: see KernelTableOptions.
  Gatehouse(Service& service, Watch& watch, Incidents& incidents,
            LiveFlows& live_flows, bool owned_table);
  ~Gatehouse();

  // Whether what this machine forwards (containers) is judged, too; from the
  // next Keep on.
  void SetForwarded(bool forwarded) { forwarded_ = forwarded; }

  // Brings the kernel into this mode, and back into it when somebody has
  // touched our table; cheap when all is as it should be. ALREADY_EXISTS when
  // another agent judges this network: then this one must not go on. After
  // any failure the mode is observe.
  // `now` is the time since boot, `now_us` the wall clock's.
  absl::Status Keep(GateMode wanted, absl::Duration now, int64_t now_us);

  GateMode mode() const { return mode_; }

  // Judges what is held now; never waits.
  void Serve(int64_t now_us);

  // The same, in the midst of other work: next to nothing when nothing waits.
  void ServeIfReady(const platform::Clock& clock);

  // Takes the table away: whatever comes now passes.
  void Close();

  // The end of this run. Whoever keeps us decides: it hands queue and table to
  // the next run (systemctl restart), or closes them, and the table is gone
  // (systemctl stop). Without a keeper, as Close.
  void Leave();

  // See Gate.
  bool holds_back() const { return gate_ != nullptr && gate_->holds_back(); }

  // For poll(2); -1 when nothing is held.
  int descriptor() const { return held_ != nullptr ? held_->descriptor() : -1; }

  // Packets that the kernel dropped because we, or the run that we took the
  // queue over from, were too slow.
  uint64_t overflowed() const { return overflowed_; }

  // How often the kernel did not say whether its rules are still ours.
  uint64_t unsure() const { return guard_ ? guard_->unsure() : 0; }

  GateCounters counters() const {
    return gate_ != nullptr ? gate_->counters() : GateCounters();
  }

 private:
  absl::Status Open(GateMode mode, int64_t now_us);
  absl::Status OpenQueue(const KernelTableOptions& options);
  absl::Status OpenTable();
  void TakeLeftovers();
  void LookAtTable();
  void LookAtOverflow(absl::Duration now);

  Service& service_;
  Watch& watch_;
  Incidents& incidents_;
  LiveFlows& live_flows_;
  KernelTableOptions options_;
  bool forwarded_ = false;

  GateMode mode_ = GateMode::kObserve;
  std::unique_ptr<TableSocket> table_;
  std::unique_ptr<TableGuard> guard_;
  std::unique_ptr<platform::PacketGate> held_;
  std::unique_ptr<platform::PacketSender> sender_;
  std::unique_ptr<ShadowGate> shadow_;
  std::unique_ptr<Gate> gate_;

  bool table_lost_ = false;
  int64_t served_us_ = 0;
  uint64_t overflowed_ = 0;
  uint64_t overflow_told_ = 0;
  absl::Duration next_overflow_word_;
};

}  // namespace schoolgate::agent
