#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/keep/kept_names.h"
#include "agent/run/heartbeat.h"
#include "agent/run/identity_file.h"
#include "agent/run/live_agent.h"
#include "agent/run/rules_beat.h"
#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

constexpr absl::Duration kHousekeeping = absl::Milliseconds(250);
constexpr absl::Duration kReopenCapture = absl::Milliseconds(500);
// A network that changes does so several times in a moment.
constexpr absl::Duration kNetworkSettles = absl::Milliseconds(500);
constexpr absl::Duration kCheckAgainAfterFailure = absl::Minutes(1);
constexpr size_t kMaxMarkBytes = 4096;

}  // namespace

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

// Brings the gate to what configuration and policy want. Fails only where
// this agent must not go on.
absl::Status LiveAgent::KeepGate() {
  const GateMode policy = inbox_.rules() != nullptr
                              ? GateModeNamed(inbox_.rules()->policy().mode())
                              : GateMode::kObserve;
  const GateMode before = gatehouse_->mode();
  gatehouse_->SetForwarded(inbox_.rules() != nullptr &&
                           inbox_.rules()->policy().containers());
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
    watch_->OnTime(absl::ToUnixMicros(clock_.Now()));
  }
  if (episodes_ != nullptr && config_.capture_file.empty()) {
    episodes_->OnTime(absl::ToUnixMicros(clock_.Now()));
  }
  TakeRules();
  if (gatehouse_ != nullptr) {
    if (absl::Status status = KeepGate(); !status.ok()) {
      outcome_ = status;
      finished_ = true;
      return;
    }
    CheckOurselves();
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
  incidents_.SendTo(spool_.get());
  if (opened_mark_) {
    std::error_code ignored;
    std::filesystem::remove(
        absl::StrCat(config_.state_directory, "/", kOpenedMark), ignored);
    opened_mark_ = false;
  }
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

rules::Moment LiveAgent::MomentNow() const {
  return {.wall = clock_.Now(),
          .boot_us = absl::ToInt64Microseconds(clock_.SinceBoot()),
          .boot_id = boot_id_,
          .signed_floor = absl::InfinitePast()};
}

void LiveAgent::TakeRules() {
  if (inbox_.Turn(MomentNow())) {
    UseRules();
    next_check_ = clock_.SinceBoot();
  }
  verdicts_->Try(inbox_.trial());
  if (marker_ != nullptr && inbox_.rules() != nullptr) {
    status_.flows_cut += live_flows_.OnTime(
        *inbox_.rules(), verdicts_->Blank(clock_.Now()), *marker_);
  }
  status_.rules_problem = inbox_.problem();
  status_.orders_problem = inbox_.order_problem();
}

void LiveAgent::UseRules() {
  const std::shared_ptr<const rules::Ruleset> before = verdicts_->rules();
  verdicts_->Use(inbox_.rules());
  if (inbox_.rules() == nullptr) return;
  if (before != nullptr && marker_ != nullptr) {
    status_.flows_cut += live_flows_.CutForbidden(
        *before, *inbox_.rules(), verdicts_->Blank(clock_.Now()), *marker_);
  }
  status_.passes = inbox_.rules()->overlays().passes_size();
  status_.emergency_blocks = inbox_.rules()->overlays().blocks_size();
  status_.bundle_version = inbox_.rules()->manifest().version();
  status_.bundle_title = inbox_.rules()->manifest().title();
  status_.notice = inbox_.rules()->policy().notice();
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
  status_.root_version = inbox_.root_version();
  status_.rules_freshness = FreshnessWord(inbox_, clock_.Now());
  if (gatehouse_ != nullptr) {
    status_.gate_held = gatehouse_->counters().held;
    status_.gate_blocked = gatehouse_->counters().blocked;
    status_.gate_overflowed = gatehouse_->overflowed();
  }
  status_.incidents = incidents_.latest();
}

void LiveAgent::Beat() {
  RefreshStatus();
  v1::Event event =
      MakeHeartbeat(status_, Seen(), spool_->counters(), inbox_.bundle_hash(),
                    PlaceNow(), clock_.Now());
  AddRules(inbox_, *verdicts_, clock_.Now(), event.mutable_heartbeat());
  spool_->Emit(std::move(event));
}

}  // namespace schoolgate::agent
