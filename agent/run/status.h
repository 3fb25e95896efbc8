// What the agent says of itself: to the user's own command, and in the
// heartbeat.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "agent/decide/watch.h"
#include "agent/labels/flow_labels.h"
#include "agent/observe/teller.h"

namespace schoolgate::agent {

struct AgentStatus {
  absl::Time started;
  std::string mode = "observe";  // observe, shadow, enforce
  bool capturing = false;
  std::string capture_problem;  // why not, when not
  std::string interface;        // as configured
  // How packets are seen: "flows", "interface" or "file"; see
  // platform::PacketSource.
  std::string_view sees;
  std::string selftest;          // "pass", "fail: why", "" when not yet run
  std::string spool_problem;     // why events cannot be kept, when not
  std::string gate_problem;      // why nothing is enforced, when it should be
  std::string keeper = "none";   // who starts us again: systemd, keeper, none
  uint64_t gate_held = 0;        // packets judged before they left
  uint64_t gate_blocked = 0;     // names refused
  uint64_t gate_overflowed = 0;  // packets that came too fast to be judged
  std::deque<std::string> incidents;  // kinds of the latest, oldest first
  std::string rules_problem;          // why the newest rules were refused
  std::string orders_problem;         // why the newest order was refused
  uint64_t root_version = 0;          // of the trust root; 0: none yet
  std::string rules_freshness;        // "" before the first signed timestamp
  int passes = 0;                     // in force
  int emergency_blocks = 0;           // in force
  uint64_t flows_cut = 0;             // connections that new rules forbade
  std::string device;                 // empty before enrolment
  std::string school;
  uint64_t bundle_version = 0;  // 0: no rules yet
  std::string bundle_title;
  std::string notice;  // the school's monitoring notice
  std::string notice_version;
  std::vector<std::string> portal;  // log-in pages of this network, open now
  ObserverCounters seen;
  uint64_t packets = 0;
  uint64_t packets_dropped = 0;
  uint64_t names = 0;
  uint64_t contacts = 0;
  uint64_t flows = 0;
  uint64_t flows_unnamed = 0;
  bool label_flows = false;   // whether schoolgate-dpi is wanted
  std::string label_problem;  // why it does not run, when it should
  LabelCounters labels;
  WatchCounters watch;
  WitnessCounters witness;
  // What limits cost; see LiveFlows, OwnRecord, VisitBook and TableGuard.
  uint64_t forgotten_connections = 0;
  uint64_t forgotten_records = 0;
  uint64_t forgotten_visits = 0;
  uint64_t unsure_looks = 0;
};

// One JSON object.
std::string ToJson(const AgentStatus& status, absl::Time now);

// What was in a capture that was played, one line on standard output.
void PrintPlayed(const std::string& file, const AgentStatus& status);

}  // namespace schoolgate::agent
