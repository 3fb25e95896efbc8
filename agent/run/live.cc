#include "agent/run/live.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "agent/decide/attribution.h"
#include "agent/decide/contact_log.h"
#include "agent/decide/episode_log.h"
#include "agent/decide/verdicts.h"
#include "agent/decide/watch.h"
#include "agent/health/incidents.h"
#include "agent/keep/kept_names.h"
#include "agent/labels/flow_labels.h"
#include "agent/observe/observer.h"
#include "agent/run/answers.h"
#include "agent/run/gatehouse.h"
#include "agent/run/heartbeat.h"
#include "agent/run/identity_file.h"
#include "agent/run/rules_in_force.h"
#include "agent/run/service.h"
#include "agent/run/spool_thread.h"
#include "agent/run/state_folders.h"
#include "agent/run/status.h"
#include "agent/run/upkeep.h"
#include "agent/run/visits.h"
#include "platform/complaint.h"
#include "platform/local_socket.h"
#include "platform/machine.h"
#include "platform/packet_source.h"
#include "platform/rights.h"
#include "platform/wait.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

constexpr absl::Duration kPatience = absl::Milliseconds(20);
constexpr absl::Duration kHousekeeping = absl::Milliseconds(250);
constexpr absl::Duration kReopenCapture = absl::Milliseconds(500);
constexpr absl::Duration kWordEvery = absl::Seconds(10);
// Between two looks at the clock and the other duties, under full load.
constexpr size_t kPacketsATurn = 256;
constexpr size_t kPacketsAtOnce = 16;
// What Wait says.
constexpr uint32_t kSourceReady = 1u << 0;
constexpr uint32_t kGateReady = 1u << 1;

class LiveAgent {
 public:
  LiveAgent(const AgentConfig& config, const platform::Clock& clock)
      : config_(config),
        clock_(clock),
        accounts_(platform::SystemAccounts()),
        processes_(platform::SystemProcesses()),
        sessions_(platform::SystemSessions()),
        rules_(config.state_directory, clock, status_, incidents_),
        incidents_(clock, PlaceNow()) {
    status_.started = clock.Now();
    status_.interface = config.interface;
  }

  // Enforces as soon as the rules are open; the rest comes after.
  absl::Status Start();
  absl::Status Run(const std::atomic<bool>& stop);

 private:
  absl::Status StartKept();
  void MakeJudge();
  absl::Status OpenCapture();
  bool ReadyForPackets() const;
  void OnSourceEnd();
  uint32_t Wait() const;
  void TakePackets();
  void Observe(std::span<platform::Packet> packets);
  absl::Status KeepGate();
  void Housekeeping();
  void TakeIdentity();
  void LearnFromCollector(absl::Duration now);
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
  std::unique_ptr<Upkeep> upkeep_;
  std::unique_ptr<Visits> visits_;  // null over a capture

  Incidents incidents_;
  Service service_;
  std::unique_ptr<Gatehouse> gatehouse_;

  absl::Duration next_housekeeping_;
  absl::Duration next_beat_;
  absl::Duration next_capture_;
  absl::Duration next_word_;
  int64_t shift_us_ = 0;  // of a capture file, to now
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
    visits_ =
        std::make_unique<Visits>(*attribution_, *verdicts_, *watch_, rules_,
                                 *sessions_, InRuntimeFolder("visits"));
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
  upkeep_ = std::make_unique<Upkeep>(
      config_,
      UpkeepParts{*attribution_, *verdicts_, *watch_, *answers_, incidents_},
      service_.last_end(), clock_);
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
  return KeepGate();
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
    const uint32_t ready = Wait();
    if (gatehouse_ != nullptr && (ready & kGateReady) != 0) {
      gatehouse_->Serve(absl::ToUnixMicros(clock_.Now()));
    }
    // Who is held, and goes on, does not wait for the rest.
    if (ready != kGateReady) {
      TakePackets();
      if (labels_ != nullptr) labels_->Take();
    }
    if (clock_.SinceBoot() >= next_housekeeping_) Housekeeping();
  }
  service_.Stopping();
  upkeep_->End();
  if (gatehouse_ != nullptr) gatehouse_->Leave();
  if (source_ != nullptr && service_.kept()) source_->Leave();
  observer_->Finish();
  watch_->Finish(absl::ToUnixMicros(clock_.Now()));
  observer_->SetTap(nullptr);
  if (episodes_ != nullptr) {
    episodes_->Finish(absl::ToUnixMicros(clock_.Now()));
  }
  if (spool_ != nullptr) Beat();
  if (!config_.capture_file.empty()) PrintPlayed(config_.capture_file, status_);
  return outcome_;
}

// A capture file has time: it waits for the rules that it is to be judged by,
// and for the spool.
bool LiveAgent::ReadyForPackets() const {
  if (source_ == nullptr) return false;
  if (config_.capture_file.empty()) return true;
  return spool_ != nullptr && spool_->has_room() && rules_.rules() != nullptr;
}

// Says what can be taken now; nothing when it is time for the other duties.
uint32_t LiveAgent::Wait() const {
  const bool file_ready = !config_.capture_file.empty() && ReadyForPackets();
  if (file_ready) return kSourceReady;
  const std::array<int, 2> descriptors = {
      source_ != nullptr ? source_->descriptor() : -1,
      gatehouse_ != nullptr ? gatehouse_->descriptor() : -1};
  const bool holds_back = gatehouse_ != nullptr && gatehouse_->holds_back();
  const uint32_t ready = platform::WaitReadable(descriptors, kPatience);
  return holds_back ? ready | kGateReady : ready;
}

// Whoever is held does not wait until all is taken that others have sent.
void LiveAgent::TakePackets() {
  if (!ReadyForPackets()) return;
  std::array<platform::Packet, kPacketsAtOnce> packets;
  for (size_t taken = 0; taken < kPacketsATurn || source_->buffered();) {
    size_t count = 0;
    switch (source_->NextSome(absl::ZeroDuration(), packets, &count)) {
      case platform::NextResult::kPacket:
        Observe(std::span(packets).first(count));
        taken += count;
        if (gatehouse_ != nullptr) gatehouse_->ServeIfReady(clock_);
        break;
      case platform::NextResult::kIdle:
        return;
      case platform::NextResult::kEnd:
        OnSourceEnd();
        return;
    }
  }
}

void LiveAgent::Observe(std::span<platform::Packet> packets) {
  if (!config_.capture_file.empty()) {
    for (platform::Packet& packet : packets) {
      if (shift_us_ == 0) {
        shift_us_ = absl::ToUnixMicros(clock_.Now()) - packet.time_us;
      }
      packet.time_us += shift_us_;
    }
  }
  observer_->OnPackets(packets);
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
  // What is held is judged before it shows here.
  const bool held = gatehouse_->mode() != GateMode::kObserve;
  if (source_ != nullptr) source_->SetPatient(held);
  if (gatehouse_->mode() != before) upkeep_->OnChange();
  return absl::IsAlreadyExists(status) ? status : absl::OkStatus();
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
  if (rules_.Turn()) upkeep_->OnChange();
  LearnFromCollector(now);
  if (visits_ != nullptr) visits_->Tick(clock_.Now(), now, contacts_.get());
  if (gatehouse_ != nullptr) {
    if (absl::Status status = KeepGate(); !status.ok()) {
      outcome_ = status;
      finished_ = true;
      return;
    }
  }
  upkeep_->Tick(status_.mode == "enforce");
  if (!upkeep_->out_of_use().empty()) {
    finished_ = true;
    outcome_ = absl::CancelledError(upkeep_->out_of_use());
  }
  if (const auto odd = watch_->TakeOddNames()) {
    incidents_.Tamper(odd->kind, odd->detail);
  }
  if (const auto news = portal_.TakeNews()) {
    incidents_.Notice("captive_portal", *news);
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
  upkeep_->OnEnrolled(*contacts_);
}

// What the uplink laid down at the last contact.
void LiveAgent::LearnFromCollector(absl::Duration now) {
  if (now < next_word_ || !config_.capture_file.empty()) return;
  next_word_ = now + kWordEvery;
  verdicts_->SetTimeFloor(LoadTimeFloor(config_.state_directory),
                          absl::ToInt64Microseconds(now));
  if (contacts_ == nullptr) return;
  contacts_->SetAssigned(LoadAssigned(config_.state_directory));
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
  status_.watch = watch_->counters();
  status_.witness = watch_->witness();
  status_.names = status_.watch.names;
  status_.flows = seen.flows;
  status_.label_flows = labels_ != nullptr;
  if (labels_ != nullptr) {
    status_.label_problem = labels_->problem();
    status_.labels = labels_->counters();
  }
  status_.flows_unnamed = 0;
  for (size_t cause = 1; cause < kBlindCauses; ++cause) {
    status_.flows_unnamed += seen.blind[cause];
  }
  if (source_ != nullptr) status_.packets_dropped = source_->dropped();
  if (contacts_ != nullptr) status_.contacts = contacts_->contacts();
  if (contacts_ != nullptr) status_.forgotten_records = contacts_->forgotten();
  if (visits_ != nullptr) status_.forgotten_visits = visits_->forgotten();
  rules_.RefreshStatus();
  status_.incidents = incidents_.latest();
  status_.selftest = upkeep_->selftest();
  status_.portal = portal_.OpenHosts(verdicts_->boot_us());
  if (gatehouse_ == nullptr) return;
  status_.gate_held = gatehouse_->counters().held;
  status_.gate_blocked = gatehouse_->counters().blocked;
  status_.gate_overflowed = gatehouse_->overflowed();
  status_.unsure_looks = gatehouse_->unsure();
}

void LiveAgent::Beat() {
  RefreshStatus();
  v1::Event event =
      MakeHeartbeat(status_, Seen(), spool_->counters(), rules_.bundle_hash(),
                    PlaceNow(), clock_.Now());
  rules_.AddTo(event.mutable_heartbeat());
  upkeep_->Describe(event.mutable_heartbeat());
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
