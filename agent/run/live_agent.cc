#include "agent/run/live_agent.h"

#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/run/identity_file.h"
#include "platform/complaint.h"
#include "platform/rights.h"
#include "platform/wait.h"

namespace schoolgate::agent {
namespace {

constexpr absl::Duration kPatience = absl::Milliseconds(20);
constexpr absl::Duration kReopenCapture = absl::Milliseconds(500);
// Between two looks at the clock and the other duties, under full load.
constexpr int kPacketsATurn = 256;

}  // namespace

absl::Status LiveAgent::Start() {
  if (config_.capture_file.empty()) {
    if (absl::Status status = platform::DropNeedlessRights(); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = MakeFolders(); !status.ok()) return status;
  auto questions = platform::ListenForQuestions(config_.socket);
  if (!questions.ok()) return questions.status();
  questions_ = std::move(*questions);
  MakeJudge();
  if (absl::Status status = inbox_.Open(MomentNow()); !status.ok())
    return status;
  UseRules();
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

absl::Status LiveAgent::MakeFolders() {
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
  return absl::OkStatus();
}

// All that is needed to judge a name.
void LiveAgent::MakeJudge() {
  if (config_.capture_file.empty()) {
    auto owners = platform::OpenSocketOwners();
    if (owners.ok()) owners_ = std::move(*owners);
    auto marker = platform::OpenFlowMarker();
    if (marker.ok()) marker_ = std::move(*marker);
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
  gatehouse_ = std::make_unique<Gatehouse>(service_, *watch_, incidents_,
                                           live_flows_, config_.protect_table);
  self_check_ = std::make_unique<SelfCheck>(*attribution_, *verdicts_, *watch_);
  if (auto network = platform::NetworkChanges::Open(); network.ok()) {
    network_ = std::move(*network);
  }
  ReportPast();
  return KeepGate();
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
  return spool_ != nullptr && spool_->has_room() && inbox_.rules() != nullptr;
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

}  // namespace schoolgate::agent
