#include "agent/run/live.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/decide/attribution.h"
#include "agent/decide/contact_log.h"
#include "agent/decide/episode_log.h"
#include "agent/decide/verdicts.h"
#include "agent/decide/watch.h"
#include "agent/keep/kept_names.h"
#include "agent/labels/flow_labels.h"
#include "agent/observe/observer.h"
#include "agent/run/answers.h"
#include "agent/run/gatehouse.h"
#include "agent/run/heartbeat.h"
#include "agent/run/identity_file.h"
#include "agent/run/incidents.h"
#include "agent/run/rules_in_force.h"
#include "agent/run/self_check.h"
#include "agent/run/service.h"
#include "agent/run/spool_thread.h"
#include "agent/run/state_folders.h"
#include "agent/run/status.h"
#include "platform/complaint.h"
#include "platform/local_socket.h"
#include "platform/machine.h"
#include "platform/name_question.h"
#include "platform/network_changes.h"
#include "platform/packet_source.h"
#include "platform/rights.h"
#include "platform/wait.h"
#include "platform/whole_file.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

constexpr absl::Duration kPatience = absl::Milliseconds(20);
constexpr absl::Duration kHousekeeping = absl::Milliseconds(250);
constexpr absl::Duration kReopenCapture = absl::Milliseconds(500);
// A network that changes does so several times in a moment.
constexpr absl::Duration kNetworkSettles = absl::Milliseconds(500);
constexpr absl::Duration kCheckAgainAfterFailure = absl::Minutes(1);
constexpr size_t kMaxMarkBytes = 4096;
// Between two looks at the clock and the other duties, under full load.
constexpr int kPacketsATurn = 256;

class LiveAgent {
 public:
  LiveAgent(const AgentConfig& config, const platform::Clock& clock)
      : config_(config),
        clock_(clock),
        accounts_(platform::SystemAccounts()),
        processes_(platform::SystemProcesses()),
        sessions_(platform::SystemSessions()),
        rules_(config.state_directory, clock, status_),
        incidents_(clock) {
    status_.started = clock.Now();
    status_.interface = config.interface;
  }

  // Enforces as soon as the rules are open; the rest comes after.
  absl::Status Start();
  absl::Status Run(const std::atomic<bool>& stop);

 private:
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

  RulesInForce rules_;
  std::unique_ptr<SpoolThread> spool_;
  std::unique_ptr<Attribution> attribution_;
  PortalAllowance portal_;
  std::unique_ptr<Verdicts> verdicts_;
  std::unique_ptr<ContactLog> contacts_;
  std::unique_ptr<EpisodeLog> episodes_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<FlowLabels> labels_;  // null: not wanted
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<Answers> answers_;

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

absl::Status LiveAgent::Start() {
  if (config_.capture_file.empty()) {
    if (absl::Status status = platform::DropNeedlessRights(); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = MakeStateFolders(config_.state_directory);
      !status.ok())
    return status;
  auto questions = platform::ListenForQuestions(config_.socket);
  if (!questions.ok()) return questions.status();
  questions_ = std::move(*questions);
  MakeJudge();
  if (absl::Status status = rules_.Open(*verdicts_); !status.ok()) {
    return status;
  }
  if (config_.capture_file.empty()) {
    if (absl::Status status = StartKept(); !status.ok()) return status;
  }
  TakeIdentity();
  const absl::Status captured = OpenCapture();
  // An interface that is not there yet is waited for.
  if (absl::IsNotFound(captured) && config_.capture_file.empty()) {
    next_capture_ = clock_.SinceBoot() + kReopenCapture;
    return absl::OkStatus();
  }
  return captured;
}

// All that is needed to judge a name.
void LiveAgent::MakeJudge() {
  if (config_.capture_file.empty()) {
    auto owners = platform::OpenSocketOwners();
    if (owners.ok()) owners_ = std::move(*owners);
    rules_.CutConnections();
  }
  AttributionRules rules = config_.attribution;
  std::string device;
  if (const auto identity = LoadIdentity(config_.state_directory);
      identity.ok()) {
    rules.device_group = identity->group;
    device = identity->device;
  }
  attribution_ = std::make_unique<Attribution>(
      std::move(rules), accounts_.get(), owners_.get(), processes_.get());
  if (config_.capture_file.empty()) attribution_->SetSessions(sessions_.get());
  verdicts_ = std::make_unique<Verdicts>(std::move(device));
  verdicts_->SetPlace(config_.place);
  if (config_.capture_file.empty()) verdicts_->SetPortal(&portal_);
  watch_ = std::make_unique<Watch>(*attribution_, *verdicts_, nullptr);
  ObserverLimits limits;
  const std::string seed = seal::RandomBytes(sizeof(limits.flows.hash_seed));
  std::memcpy(&limits.flows.hash_seed, seed.data(), seed.size());
  observer_ = std::make_unique<Observer>(limits, *watch_);
  if (config_.label_flows) {
    labels_ = std::make_unique<FlowLabels>(
        LabelOptions{.program = DpiProgram()}, *watch_, clock_);
    (void)labels_->Start();  // why not stands in the status; tried again
    observer_->SetTap(labels_.get());
  }
  answers_ =
      std::make_unique<Answers>(*attribution_, *verdicts_, *watch_, status_);
}

// From the end of this function on, what the policy blocks is blocked.
absl::Status LiveAgent::StartKept() {
  if (config_.at_most != GateMode::kObserve) {
    const absl::Status kept = service_.StartKeeper(
        {"run", "--config", config_.file}, config_.state_directory);
    // Without one the gate lets packets pass when it dies.
    if (!kept.ok()) platform::Complain("schoolgate-agent", kept);
  }
  status_.keeper = service_.keeper();
  gatehouse_ =
      std::make_unique<Gatehouse>(service_, *watch_, incidents_,
                                  rules_.live_flows(), config_.protect_table);
  self_check_ = std::make_unique<SelfCheck>(*attribution_, *verdicts_, *watch_);
  if (auto network = platform::NetworkChanges::Open(); network.ok()) {
    network_ = std::move(*network);
  }
  ReportPast();
  return KeepGate();
}

// What happened to the run before this one.
void LiveAgent::ReportPast() {
  const std::string& end = service_.last_end();
  if (end == "killed") {
    incidents_.Tamper("agent_killed",
                      "the agent was ended by force and is back");
  } else if (!end.empty()) {
    incidents_.SelfTest("agent", false,
                        absl::StrCat("the run before this one ", end));
  }
  const auto mark = platform::ReadWholeFile(
      absl::StrCat(config_.state_directory, "/", kOpenedMark), kMaxMarkBytes);
  if (!mark.ok()) return;
  opened_mark_ = true;
  incidents_.Tamper("network_opened", *mark);
}

absl::Status LiveAgent::OpenCapture() {
  auto source =
      config_.capture_file.empty()
          ? platform::OpenLive(config_.interface, service_.TakeKept(kLogName))
          : platform::OpenCaptureFile(config_.capture_file);
  status_.capturing = source.ok();
  if (!source.ok()) {
    status_.capture_problem = std::string(source.status().message());
    return source.status();
  }
  status_.capture_problem.clear();
  source_ = std::move(*source);
  if (const int held = source_->held_open(); held >= 0) {
    service_.Keep(kLogName, held);
  }
  status_.sees = source_->way();
  return absl::OkStatus();
}

absl::Status LiveAgent::Run(const std::atomic<bool>& stop) {
  service_.Ready();
  while (!stop && !finished_) {
    Wait();
    if (gatehouse_ != nullptr) {
      gatehouse_->Serve(absl::ToUnixMicros(clock_.Now()));
    }
    TakePackets();
    if (labels_ != nullptr) labels_->Take();
    if (clock_.SinceBoot() >= next_housekeeping_) Housekeeping();
  }
  service_.Stopping();
  if (gatehouse_ != nullptr) gatehouse_->Leave();
  if (source_ != nullptr && service_.kept()) source_->Leave();
  observer_->Finish();
  watch_->Finish(absl::ToUnixMicros(clock_.Now()));
  observer_->SetTap(nullptr);
  if (episodes_ != nullptr) {
    episodes_->Finish(absl::ToUnixMicros(clock_.Now()));
  }
  if (spool_ != nullptr) Beat();
  return outcome_;
}

// A capture file has time: it waits for the rules that it is to be judged by,
// and for the spool.
bool LiveAgent::ReadyForPackets() const {
  if (source_ == nullptr) return false;
  if (config_.capture_file.empty()) return true;
  return spool_ != nullptr && spool_->has_room() && rules_.rules() != nullptr;
}

void LiveAgent::Wait() const {
  const bool file_ready = !config_.capture_file.empty() && ReadyForPackets();
  if (file_ready) return;
  platform::WaitReadable(
      {source_ != nullptr ? source_->descriptor() : -1,
       gatehouse_ != nullptr ? gatehouse_->descriptor() : -1},
      kPatience);
}

void LiveAgent::TakePackets() {
  if (!ReadyForPackets()) return;
  platform::Packet packet;
  for (int taken = 0; taken < kPacketsATurn; ++taken) {
    switch (source_->Next(absl::ZeroDuration(), &packet)) {
      case platform::NextResult::kPacket:
        if (!config_.capture_file.empty()) {
          if (shift_us_ == 0) {
            shift_us_ = absl::ToUnixMicros(clock_.Now()) - packet.time_us;
          }
          packet.time_us += shift_us_;
        }
        observer_->OnPacket(packet);
        break;
      case platform::NextResult::kIdle:
        return;
      case platform::NextResult::kEnd:
        OnSourceEnd();
        return;
    }
  }
}

// Brings the gate to what configuration and policy want. Fails only where
// this agent must not go on.
absl::Status LiveAgent::KeepGate() {
  const GateMode policy = rules_.rules() != nullptr
                              ? GateModeNamed(rules_.rules()->policy().mode())
                              : GateMode::kObserve;
  const GateMode before = gatehouse_->mode();
  gatehouse_->SetForwarded(rules_.rules() != nullptr &&
                           rules_.rules()->policy().containers());
  const absl::Status status =
      gatehouse_->Keep(std::min(policy, config_.at_most), clock_.SinceBoot(),
                       absl::ToUnixMicros(clock_.Now()));
  status_.gate_problem = status.ok() ? "" : std::string(status.message());
  status_.mode = GateModeName(gatehouse_->mode());
  if (gatehouse_->mode() != before) next_check_ = clock_.SinceBoot();
  return absl::IsAlreadyExists(status) ? status : absl::OkStatus();
}

// After each change of network, rules and mode.
void LiveAgent::CheckOurselves() {
  const absl::Duration now = clock_.SinceBoot();
  if (network_ != nullptr && network_->Any()) {
    next_check_ = now + kNetworkSettles;
  }
  if (now >= next_check_ && verdicts_->rules() != nullptr) {
    next_check_ = absl::InfiniteDuration();
    self_check_->Begin(gatehouse_->mode(), clock_.Now(), now);
  }
  const auto outcome = self_check_->Step(now);
  if (!outcome) return;
  const bool passed = *outcome == "pass";
  if (!passed) next_check_ = now + kCheckAgainAfterFailure;
  // Said when it changes, not each time.
  if (status_.selftest != *outcome && (!passed || !status_.selftest.empty())) {
    incidents_.SelfTest("canary", passed, *outcome);
  }
  status_.selftest = *outcome;
}

void LiveAgent::OnSourceEnd() {
  if (!config_.capture_file.empty()) {
    outcome_ = source_->status();
    finished_ = true;
    return;
  }
  status_.capturing = false;
  status_.capture_problem = std::string(source_->status().message());
  service_.Forget(kLogName);
  source_.reset();
  next_capture_ = clock_.SinceBoot() + kReopenCapture;
}

void LiveAgent::Housekeeping() {
  const absl::Duration now = clock_.SinceBoot();
  next_housekeeping_ = now + kHousekeeping;
  if (!service_.Alive()) {
    incidents_.Tamper("keeper_killed",
                      "the program that starts the agent again was ended by "
                      "force; another one has been started");
  }
  if (source_ == nullptr && now >= next_capture_) {
    next_capture_ = now + kReopenCapture;
    (void)OpenCapture();  // why not stands in the status; tried again
  }
  if (labels_ != nullptr) labels_->Tend();
  verdicts_->SetBoot(boot_id_, absl::ToInt64Microseconds(now));
  if (spool_ == nullptr) TakeIdentity();
  // A capture file's packets bring their own time.
  if (config_.capture_file.empty()) {
    const int64_t now_us = absl::ToUnixMicros(clock_.Now());
    watch_->OnTime(now_us);
    if (episodes_ != nullptr) episodes_->OnTime(now_us);
  }
  if (rules_.Turn()) next_check_ = clock_.SinceBoot();
  if (gatehouse_ != nullptr) {
    if (absl::Status status = KeepGate(); !status.ok()) {
      outcome_ = status;
      finished_ = true;
      return;
    }
    CheckOurselves();
  }
  if (const auto news = portal_.TakeNews()) {
    incidents_.SelfTest("captive_portal", true, *news);
  }
  RefreshStatus();
  questions_->Serve([this](uint32_t uid, std::string_view question) {
    return answers_->Answer(uid, question, clock_.Now());
  });
  if (spool_ != nullptr && now >= next_beat_) {
    next_beat_ = now + config_.heartbeat;
    Beat();
  }
}

// Enrolment may come at any time after the start.
void LiveAgent::TakeIdentity() {
  const auto identity = LoadIdentity(config_.state_directory);
  if (!identity.ok()) return;
  auto spool = OpenSpool(config_.state_directory, config_.spool_directory,
                         *identity, boot_id_, clock_);
  if (!spool.ok()) {
    status_.spool_problem = std::string(spool.status().message());
    return;
  }
  spool_ = *std::move(spool);
  status_.spool_problem.clear();
  status_.device = identity->device;
  status_.school = identity->school;
  attribution_->SetDeviceGroup(identity->group);
  verdicts_->SetDevice(identity->device);
  contacts_ = std::make_unique<ContactLog>(*identity, *spool_);
  watch_->SetContacts(contacts_.get());
  episodes_ = std::make_unique<EpisodeLog>(*identity, *spool_);
  watch_->SetEpisodes(episodes_.get());
  answers_->SetContacts(contacts_.get());
  incidents_.SendTo(spool_.get());
  if (opened_mark_) {
    std::error_code ignored;
    std::filesystem::remove(
        absl::StrCat(config_.state_directory, "/", kOpenedMark), ignored);
    opened_mark_ = false;
  }
}

// What the observer counted, with what labels know better.
ObserverCounters LiveAgent::Seen() {
  ObserverCounters seen = observer_->counters();
  for (size_t i = 0; labels_ != nullptr && i < kBlindCauses; ++i) {
    seen.blind[i] += static_cast<uint64_t>(labels_->blind_change()[i]);
  }
  return seen;
}

void LiveAgent::RefreshStatus() {
  const ObserverCounters seen = Seen();
  status_.seen = seen;
  status_.packets = seen.packets;
  status_.names = watch_->counters().names;
  status_.flows = seen.flows;
  status_.label_flows = labels_ != nullptr;
  if (labels_ != nullptr) {
    status_.label_problem = labels_->problem();
    status_.labels = labels_->counters();
    status_.contradictions = watch_->witness().signs[0];
  }
  status_.flows_unnamed = 0;
  for (size_t cause = 1; cause < kBlindCauses; ++cause) {
    status_.flows_unnamed += seen.blind[cause];
  }
  if (source_ != nullptr) status_.packets_dropped = source_->dropped();
  if (contacts_ != nullptr) status_.contacts = contacts_->contacts();
  rules_.RefreshStatus();
  status_.incidents = incidents_.latest();
  status_.portal = portal_.OpenHosts(verdicts_->boot_us());
  if (gatehouse_ == nullptr) return;
  status_.gate_held = gatehouse_->counters().held;
  status_.gate_blocked = gatehouse_->counters().blocked;
  status_.gate_overflowed = gatehouse_->overflowed();
}

void LiveAgent::Beat() {
  RefreshStatus();
  v1::Event event =
      MakeHeartbeat(status_, Seen(), spool_->counters(), rules_.bundle_hash(),
                    PlaceNow(), clock_.Now());
  rules_.AddTo(event.mutable_heartbeat());
  spool_->Emit(std::move(event));
}

}  // namespace

absl::Status RunLive(const AgentConfig& config, const platform::Clock& clock,
                     const std::atomic<bool>& stop) {
  LiveAgent agent(config, clock);
  if (absl::Status status = agent.Start(); !status.ok()) return status;
  return agent.Run(stop);
}

}  // namespace schoolgate::agent
