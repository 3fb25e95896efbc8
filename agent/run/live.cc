#include "agent/run/live.h"

#include <systemd/sd-daemon.h>

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
#include "agent/enforce/gate.h"
#include "agent/enforce/kernel_table.h"
#include "agent/observe/observer.h"
#include "agent/run/answers.h"
#include "agent/run/heartbeat.h"
#include "agent/run/identity_file.h"
#include "agent/run/rules_inbox.h"
#include "agent/run/spool_thread.h"
#include "agent/run/status.h"
#include "platform/local_socket.h"
#include "platform/machine.h"
#include "platform/name_question.h"
#include "platform/packet_gate.h"
#include "platform/packet_source.h"
#include "platform/wait.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

constexpr absl::Duration kPatience = absl::Milliseconds(20);
constexpr absl::Duration kHousekeeping = absl::Milliseconds(250);
constexpr absl::Duration kReopenCapture = absl::Milliseconds(500);
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
        inbox_(config.state_directory) {
    status_.started = clock.Now();
    status_.interface = config.interface;
  }

  absl::Status Start();
  absl::Status Run(const std::atomic<bool>& stop);

 private:
  absl::Status OpenCapture();
  bool ReadyForPackets() const;
  void OnSourceEnd();
  void Wait() const;
  void TakePackets();
  void KeepGate();
  absl::Status OpenGate();
  void CloseGate();
  void Housekeeping();
  void TakeIdentity();
  absl::Status StartSpool(const Identity& identity);
  void TakeRules();
  void UseRules();
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
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<Answers> answers_;

  std::unique_ptr<platform::PacketGate> held_;
  std::unique_ptr<Gate> gate_;

  absl::Duration next_housekeeping_;
  absl::Duration next_beat_;
  absl::Duration next_capture_;
  int64_t shift_us_ = 0;  // of a capture file, to now
  bool finished_ = false;
  absl::Status outcome_;
};

absl::Status LiveAgent::Start() {
  std::error_code error;
  std::filesystem::create_directories(config_.state_directory + "/identity",
                                      error);
  std::filesystem::create_directories(config_.state_directory + "/incoming",
                                      error);
  if (error) {
    return absl::PermissionDeniedError(absl::StrCat(
        config_.state_directory, ": cannot be made: ", error.message(),
        ": run as root, or choose another state_directory"));
  }
  // Everybody may reach the agent's socket; what lies beside it has modes of
  // its own.
  std::filesystem::permissions(
      config_.state_directory,
      std::filesystem::perms::group_exec | std::filesystem::perms::others_exec,
      std::filesystem::perm_options::add, error);
  auto questions = platform::ListenForQuestions(config_.socket);
  if (!questions.ok()) return questions.status();
  questions_ = std::move(*questions);
  if (config_.capture_file.empty()) {
    auto owners = platform::OpenSocketOwners();
    if (owners.ok()) owners_ = std::move(*owners);
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
  watch_ = std::make_unique<Watch>(*attribution_, *verdicts_, nullptr);
  ObserverLimits limits;
  const std::string seed = seal::RandomBytes(sizeof(limits.flows.hash_seed));
  std::memcpy(&limits.flows.hash_seed, seed.data(), seed.size());
  observer_ = std::make_unique<Observer>(limits, *watch_);
  answers_ =
      std::make_unique<Answers>(*attribution_, *verdicts_, *watch_, status_);
  if (absl::Status status = inbox_.Open(); !status.ok()) return status;
  UseRules();
  TakeIdentity();
  return OpenCapture();
}

absl::Status LiveAgent::OpenCapture() {
  auto source = config_.capture_file.empty()
                    ? platform::OpenLive(config_.interface)
                    : platform::OpenCaptureFile(config_.capture_file);
  status_.capturing = source.ok();
  if (!source.ok()) {
    status_.capture_problem = std::string(source.status().message());
    return source.status();
  }
  status_.capture_problem.clear();
  source_ = std::move(*source);
  status_.sees = source_->way();
  return absl::OkStatus();
}

absl::Status LiveAgent::Run(const std::atomic<bool>& stop) {
  sd_notify(0, "READY=1");
  while (!stop && !finished_) {
    Wait();
    if (gate_ != nullptr) gate_->Serve(absl::ToUnixMicros(clock_.Now()));
    TakePackets();
    if (clock_.SinceBoot() >= next_housekeeping_) Housekeeping();
  }
  sd_notify(0, "STOPPING=1");
  CloseGate();
  observer_->Finish();
  watch_->Finish(absl::ToUnixMicros(clock_.Now()));
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
  return spool_ != nullptr && spool_->has_room() && inbox_.rules() != nullptr;
}

void LiveAgent::Wait() const {
  const bool file_ready = !config_.capture_file.empty() && ReadyForPackets();
  if (file_ready) return;
  platform::WaitReadable({source_ != nullptr ? source_->descriptor() : -1,
                          held_ != nullptr ? held_->descriptor() : -1},
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

// Holds packets when the policy wants it, and puts the kernel's table back
// when somebody has flushed it.
void LiveAgent::KeepGate() {
  const bool wanted = config_.may_enforce && config_.capture_file.empty() &&
                      inbox_.rules() != nullptr &&
                      inbox_.rules()->policy().mode() == "enforce";
  if (!wanted) return CloseGate();
  if (gate_ != nullptr && KernelTableStands(KernelTableOptions().name)) return;
  const absl::Status status = OpenGate();
  status_.gate_problem = status.ok() ? "" : std::string(status.message());
  status_.mode = status.ok() ? "enforce" : "observe";
}

absl::Status LiveAgent::OpenGate() {
  // Without a gate packets pass: a fault of ours must not stop a lesson.
  const KernelTableOptions options{.open_without_gate = true};
  if (held_ == nullptr) {
    auto held = platform::OpenPacketGate(options.queue);
    if (!held.ok()) return held.status();
    held_ = std::move(*held);
    gate_ = std::make_unique<Gate>(*held_, *watch_);
  }
  return InstallKernelTable(options);
}

void LiveAgent::CloseGate() {
  if (held_ == nullptr) return;
  // The table first: what is held then goes on its way unheld.
  (void)RemoveKernelTable(KernelTableOptions().name);
  gate_->Serve(absl::ToUnixMicros(clock_.Now()));
  gate_.reset();
  held_.reset();
  status_.mode = "observe";
}

void LiveAgent::OnSourceEnd() {
  if (!config_.capture_file.empty()) {
    outcome_ = source_->status();
    finished_ = true;
    return;
  }
  status_.capturing = false;
  status_.capture_problem = std::string(source_->status().message());
  source_.reset();
  next_capture_ = clock_.SinceBoot() + kReopenCapture;
}

void LiveAgent::Housekeeping() {
  const absl::Duration now = clock_.SinceBoot();
  next_housekeeping_ = now + kHousekeeping;
  sd_notify(0, "WATCHDOG=1");
  if (source_ == nullptr && now >= next_capture_) {
    next_capture_ = now + kReopenCapture;
    (void)OpenCapture();  // why not stands in the status; tried again
  }
  verdicts_->SetBoot(boot_id_, absl::ToInt64Microseconds(now));
  if (spool_ == nullptr) TakeIdentity();
  // A capture file's packets bring their own time.
  if (config_.capture_file.empty()) {
    watch_->OnTime(absl::ToUnixMicros(clock_.Now()));
  }
  if (episodes_ != nullptr && config_.capture_file.empty()) {
    episodes_->OnTime(absl::ToUnixMicros(clock_.Now()));
  }
  TakeRules();
  KeepGate();
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
  if (absl::Status status = StartSpool(*identity); !status.ok()) {
    status_.spool_problem = std::string(status.message());
    return;
  }
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
}

absl::Status LiveAgent::StartSpool(const Identity& identity) {
  auto key = seal::LoadOrCreateSigningKey(config_.state_directory +
                                          "/identity/signing.key");
  if (!key.ok()) return key.status();
  auto directory = platform::OpenDirectory(config_.spool_directory);
  if (!directory.ok()) return directory.status();
  auto writer = SpoolWriter::Start(**directory,
                                   {.device = identity.device,
                                    .collector_key = identity.sealing_key,
                                    .boot_id = boot_id_},
                                   *key, clock_.Now());
  if (!writer.ok()) return writer.status();
  spool_ = std::make_unique<SpoolThread>(std::move(*directory),
                                         std::move(*writer), clock_);
  return absl::OkStatus();
}

void LiveAgent::TakeRules() {
  if (inbox_.TakeCandidates(clock_.Now())) UseRules();
  status_.rules_problem = inbox_.problem();
}

void LiveAgent::UseRules() {
  verdicts_->Use(inbox_.rules());
  if (inbox_.rules() == nullptr) return;
  status_.bundle_version = inbox_.rules()->manifest().version();
  status_.bundle_title = inbox_.rules()->manifest().title();
  status_.notice = inbox_.rules()->policy().notice();
}

void LiveAgent::RefreshStatus() {
  const ObserverCounters& seen = observer_->counters();
  status_.packets = seen.packets;
  status_.names = watch_->counters().names;
  status_.flows = seen.flows;
  status_.flows_unnamed = 0;
  for (size_t cause = 1; cause < kBlindCauses; ++cause) {
    status_.flows_unnamed += seen.blind[cause];
  }
  if (source_ != nullptr) status_.packets_dropped = source_->dropped();
  if (contacts_ != nullptr) status_.contacts = contacts_->contacts();
}

void LiveAgent::Beat() {
  RefreshStatus();
  spool_->Emit(MakeHeartbeat(status_, observer_->counters(), spool_->counters(),
                             inbox_.bundle_hash(), PlaceNow(), clock_.Now()));
}

}  // namespace

absl::Status RunLive(const AgentConfig& config, const platform::Clock& clock,
                     const std::atomic<bool>& stop) {
  LiveAgent agent(config, clock);
  if (absl::Status status = agent.Start(); !status.ok()) return status;
  return agent.Run(stop);
}

}  // namespace schoolgate::agent
