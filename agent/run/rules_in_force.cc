#include "agent/run/rules_in_force.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/run/rules_beat.h"
#include "platform/machine.h"
#include "platform/whole_file.h"
#include "proto/seal/keys.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kFingerprintKeyBytes = 16;
// Between two wishes for a fresh file, as long as the damaged one is in force.
constexpr absl::Duration kWantedAgain = absl::Minutes(10);

}  // namespace

RulesInForce::RulesInForce(std::string state_directory,
                           const platform::Clock& clock, AgentStatus& status,
                           Incidents& incidents)
    : state_directory_(std::move(state_directory)),
      clock_(clock),
      status_(status),
      incidents_(incidents),
      boot_id_(platform::BootId()),
      inbox_(state_directory_),
      live_flows_(seal::RandomBytes(kFingerprintKeyBytes)) {}

absl::Status RulesInForce::Open(Verdicts& verdicts) {
  verdicts_ = &verdicts;
  if (absl::Status status = inbox_.Open(MomentNow()); !status.ok()) {
    return status;
  }
  Use();
  return absl::OkStatus();
}

void RulesInForce::CutConnections() {
  auto marker = platform::OpenFlowMarker();
  if (marker.ok()) marker_ = std::move(*marker);
}

void RulesInForce::CutConnectionsOf(const std::string& login) {
  if (marker_ == nullptr) return;
  status_.flows_cut += live_flows_.CutOf(login, *marker_);
}

rules::Moment RulesInForce::MomentNow() const {
  return {.wall = clock_.Now(),
          .boot_us = absl::ToInt64Microseconds(clock_.SinceBoot()),
          .boot_id = boot_id_,
          .signed_floor = absl::InfinitePast()};
}

bool RulesInForce::Turn() {
  const bool changed = inbox_.Turn(MomentNow());
  if (changed) Use();
  LookAtPages();
  verdicts_->Try(inbox_.trial());
  live_flows_.ForgetNames(clock_.Now());
  if (marker_ != nullptr) live_flows_.ForgetOver(*marker_);
  status_.forgotten_connections = live_flows_.forgotten();
  if (marker_ != nullptr && rules() != nullptr) {
    status_.flows_cut +=
        live_flows_.OnTime(*rules(), verdicts_->Blank(clock_.Now()), *marker_);
  }
  status_.rules_problem = inbox_.problem();
  status_.orders_problem = inbox_.order_problem();
  return changed;
}

void RulesInForce::Use() {
  const std::shared_ptr<const rules::Ruleset> before = verdicts_->rules();
  verdicts_->Use(rules());
  if (rules() == nullptr) return;
  if (before != nullptr && marker_ != nullptr) {
    status_.flows_cut += live_flows_.CutForbidden(
        *before, *rules(), verdicts_->Blank(clock_.Now()), *marker_);
  }
  status_.passes = rules()->overlays().passes_size();
  status_.emergency_blocks = rules()->overlays().blocks_size();
  status_.bundle_version = rules()->manifest().version();
  status_.bundle_title = rules()->manifest().title();
  status_.notice = rules()->policy().notice();
  status_.notice_version = rules()->policy().notice_version();
}

std::string RulesInForce::WantedFile() const {
  return absl::StrCat(state_directory_, "/rules/", kRulesWanted);
}

// A damaged page lists nothing: what stands on it is open. The rest holds, so
// the rules stay until there is a fresh file.
void RulesInForce::LookAtPages() {
  if (!inbox_.damaged()) {
    if (!std::exchange(damage_told_, false)) return;
    unlink(WantedFile().c_str());
    incidents_.SelfTest("rules", true, "a fresh file of the rules is in force");
    next_wanted_ = absl::ZeroDuration();
    return;
  }
  const absl::Duration now = clock_.SinceBoot();
  if (!std::exchange(damage_told_, true)) {
    incidents_.Tamper(
        "rules_damaged",
        absl::StrCat(rules()->file().lost_pages(), " pages cannot be read, ",
                     rules()->index().damaged_pages(),
                     " look-ups met a damaged one; a fresh file is asked for"));
  }
  if (now < next_wanted_) return;
  next_wanted_ = now + kWantedAgain;
  // Where it fails the disk is beyond our help; told it is.
  (void)platform::ReplaceFile(WantedFile(), inbox_.bundle_hash(), 0644);
}

void RulesInForce::RefreshStatus() {
  status_.root_version = inbox_.root_version();
  status_.rules_freshness = FreshnessWord(inbox_, clock_.Now());
}

void RulesInForce::AddTo(v1::Heartbeat* beat) const {
  AddRules(inbox_, *verdicts_, clock_.Now(), beat);
}

}  // namespace schoolgate::agent
