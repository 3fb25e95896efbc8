// The agent of one machine, as RunLive makes it: what it is built of, and the
// order of its duties. Not for others to include.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "agent/decide/attribution.h"
#include "agent/decide/contact_log.h"
#include "agent/decide/episode_log.h"
#include "agent/decide/verdicts.h"
#include "agent/decide/watch.h"
#include "agent/enforce/live_flows.h"
#include "agent/labels/flow_labels.h"
#include "agent/observe/observer.h"
#include "agent/run/answers.h"
#include "agent/run/config.h"
#include "agent/run/gatehouse.h"
#include "agent/run/incidents.h"
#include "agent/run/rules_inbox.h"
#include "agent/run/self_check.h"
#include "agent/run/service.h"
#include "agent/run/spool_thread.h"
#include "agent/run/status.h"
#include "platform/flow_marker.h"
#include "platform/local_socket.h"
#include "platform/machine.h"
#include "platform/network_changes.h"
#include "platform/packet_source.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {

// Not thread-safe. Borrows configuration and clock for its own life.
class LiveAgent {
 public:
  LiveAgent(const AgentConfig& config, const platform::Clock& clock)
      : config_(config),
        clock_(clock),
        accounts_(platform::SystemAccounts()),
        processes_(platform::SystemProcesses()),
        sessions_(platform::SystemSessions()),
        inbox_(config.state_directory),
        incidents_(clock) {
    status_.started = clock.Now();
    status_.interface = config.interface;
  }

  // Enforces as soon as the rules are open; the rest comes after.
  absl::Status Start();
  absl::Status Run(const std::atomic<bool>& stop);

 private:
  absl::Status MakeFolders();
  absl::Status StartKept();
  void MakeJudge();
  void ReportPast();
  absl::Status OpenCapture();
  bool ReadyForPackets() const;
  void OnSourceEnd();
  void Wait() const;
  void TakePackets();
  absl::Status KeepGate();
  void CheckOurselves();
  void Housekeeping();
  void TakeIdentity();
  absl::Status StartSpool(const Identity& identity);
  void TakeRules();
  rules::Moment MomentNow() const;
  void UseRules();
  ObserverCounters Seen();
  void RefreshStatus();
  void Beat();
  v1::Place PlaceNow() const {
    return config_.place == rules::Place::kOffsite ? v1::PLACE_OFFSITE
                                                   : v1::PLACE_ONSITE;
  }

  const AgentConfig& config_;
  const platform::Clock& clock_;
  const std::string boot_id_ = platform::BootId();
  AgentStatus status_;

  std::unique_ptr<platform::Accounts> accounts_;
  std::unique_ptr<platform::Processes> processes_;
  std::unique_ptr<platform::Sessions> sessions_;
  std::unique_ptr<platform::SocketOwners> owners_;
  std::unique_ptr<platform::QuestionSocket> questions_;
  std::unique_ptr<platform::PacketSource> source_;

  RulesInbox inbox_;
  std::unique_ptr<SpoolThread> spool_;
  std::unique_ptr<Attribution> attribution_;
  std::unique_ptr<Verdicts> verdicts_;
  std::unique_ptr<ContactLog> contacts_;
  std::unique_ptr<EpisodeLog> episodes_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<FlowLabels> labels_;  // null: not wanted
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<Answers> answers_;

  LiveFlows live_flows_{seal::RandomBytes(16)};
  std::unique_ptr<platform::FlowMarker> marker_;
  Incidents incidents_;
  Service service_;
  std::unique_ptr<Gatehouse> gatehouse_;
  std::unique_ptr<SelfCheck> self_check_;
  std::unique_ptr<platform::NetworkChanges> network_;

  absl::Duration next_housekeeping_;
  absl::Duration next_beat_;
  absl::Duration next_capture_;
  absl::Duration next_check_ = absl::InfiniteDuration();
  bool opened_mark_ = false;  // the network was opened before this run
  int64_t shift_us_ = 0;      // of a capture file, to now
  bool finished_ = false;
  absl::Status outcome_;
};

}  // namespace schoolgate::agent
