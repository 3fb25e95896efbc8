// The rules that this device goes by: from what the uplink lays down to the
// connections that they cut.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "agent/decide/verdicts.h"
#include "agent/enforce/live_flows.h"
#include "agent/health/incidents.h"
#include "agent/run/rules_inbox.h"
#include "agent/run/status.h"
#include "platform/clock.h"
#include "platform/flow_marker.h"
#include "proto/event.pb.h"

namespace schoolgate::agent {

// A file in STATE/rules: the rules' file is damaged, and the uplink is to bring
// a fresh one, whole.
inline constexpr char kRulesWanted[] = "wanted";

// Not thread-safe. Borrows clock, status, incidents and verdicts for its own
// life.
class RulesInForce {
 public:
  RulesInForce(std::string state_directory, const platform::Clock& clock,
               AgentStatus& status, Incidents& incidents);

  // Opens what was accepted before and judges by it.
  absl::Status Open(Verdicts& verdicts);

  // From now on connections that have become forbidden are cut. Where the
  // kernel cannot do that they run to their end.
  void CutConnections();

  // This person's time is over.
  void CutConnectionsOf(const std::string& login);

  // Takes what has come, lets orders end, cuts. True when the rules changed.
  bool Turn();

  // Null before the first accepted bundle.
  const std::shared_ptr<const rules::Ruleset>& rules() const {
    return inbox_.rules();
  }
  std::string bundle_hash() const { return inbox_.bundle_hash(); }
  // For the gate, which says what it lets run.
  LiveFlows& live_flows() { return live_flows_; }

  void RefreshStatus();
  void AddTo(v1::Heartbeat* beat) const;

 private:
  rules::Moment MomentNow() const;
  void Use();
  void LookAtPages();
  std::string WantedFile() const;

  const std::string state_directory_;
  const platform::Clock& clock_;
  AgentStatus& status_;
  Incidents& incidents_;
  Verdicts* verdicts_ = nullptr;  // from Open on
  const std::string boot_id_;
  RulesInbox inbox_;
  LiveFlows live_flows_;
  std::unique_ptr<platform::FlowMarker> marker_;
  bool damage_told_ = false;
  absl::Duration next_wanted_;
};

}  // namespace schoolgate::agent
