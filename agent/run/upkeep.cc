#include "agent/run/upkeep.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/keep/kept_names.h"
#include "agent/run/browsers_verb.h"
#include "agent/run/state_folders.h"
#include "platform/machine.h"
#include "platform/machine_end.h"
#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kMostRecordBytes = 64 << 20;
constexpr mode_t kRecordMode = 0600;
// A network that changes does so several times in a moment.
constexpr absl::Duration kNetworkSettles = absl::Milliseconds(500);
// Between two wishes that root lay down again what somebody took away.
constexpr absl::Duration kWishAgain = absl::Minutes(1);

}  // namespace

Upkeep::Upkeep(const AgentConfig& config, const UpkeepParts& parts,
               std::string last_end, const platform::Clock& clock)
    : parts_(parts),
      clock_(clock),
      consents_(config.state_directory + "/notices.json"),
      state_directory_(config.state_directory),
      harden_browsers_(ReadBrowserWish(state_directory_)),
      record_file_(InRuntimeFolder("record")) {
  parts_.answers.SetConsents(&consents_);
  if (!config.capture_file.empty()) return;
  health_ = MakeHealth(config, std::move(last_end));
  if (auto network = platform::NetworkChanges::Open(); network.ok()) {
    network_ = *std::move(network);
  }
  parts_.answers.SetEnd([this](const std::string& why) {
    if (!why.empty()) parts_.incidents.Tamper(why, "by root on the device");
    out_of_use_ = "this device was taken out of use";
  });
}

std::unique_ptr<Health> Upkeep::MakeHealth(const AgentConfig& config,
                                           std::string last_end) {
  FilterCheckWorld world;
  world.blocks = [this](const std::string& host) {
    Observation asked;
    asked.uid = geteuid();
    asked.time_us = absl::ToUnixMicros(clock_.Now());
    const Who who = parts_.attribution.WhoAsked(asked);
    return parts_.verdicts.For(host, who, asked.time_us).action ==
           rules::Action::kBlock;
  };
  world.saw = [this](const std::string& host) {
    return parts_.watch.SawTest(host);
  };
  world.refused = [this](const std::string& host) {
    return parts_.watch.RefusedTest(host);
  };
  return std::make_unique<Health>(
      HealthOptions{
          .state_directory = config.state_directory,
          .boot_id = platform::BootId(),
          .root = "",
          .last_end = std::move(last_end),
          .opened_mark = absl::StrCat(config.state_directory, "/", kOpenedMark),
      },
      std::move(world), parts_.incidents);
}

void Upkeep::OnEnrolled(ContactLog& contacts) {
  contacts_ = &contacts;
  if (record_file_.empty()) return;
  const auto kept = platform::ReadWholeFile(record_file_, kMostRecordBytes);
  if (!kept.ok()) return;
  contacts.own_record().TakeUp(*kept);
  record_written_ = contacts.own_record().added();
}

void Upkeep::OnChange() {
  if (health_ != nullptr) health_->TestAt(clock_.SinceBoot());
}

void Upkeep::Tick(bool enforcing) {
  if (health_ == nullptr) return;
  if (network_ != nullptr && network_->Any()) {
    health_->TestAt(clock_.SinceBoot() + kNetworkSettles);
  }
  KeepBrowsers(clock_.SinceBoot());
  health_->Tick(clock_.Now(), clock_.SinceBoot(),
                {.has_rules = parts_.verdicts.rules() != nullptr,
                 .enforcing = enforcing,
                 .harden_browsers = harden_browsers_});
  KeepRecord();
}

// Without rules nothing changes: they may only be late.
void Upkeep::KeepBrowsers(absl::Duration now) {
  const bool asked = parts_.verdicts.rules() != nullptr
                         ? parts_.verdicts.rules()->policy().harden_browsers()
                         : harden_browsers_;
  const auto& states = health_->browsers();
  const bool touched = std::any_of(
      states.begin(), states.end(), [](const v1::BrowserState& state) {
        return state.state() == "missing" || state.state() == "changed";
      });
  if (asked == harden_browsers_ && (!asked || !touched || now < next_wish_)) {
    return;
  }
  harden_browsers_ = asked;
  next_wish_ = now + kWishAgain;
  // Where it fails the heartbeat says so: what is asked for is missing.
  (void)WriteBrowserWish(state_directory_, asked);
}

void Upkeep::KeepRecord() {
  if (contacts_ == nullptr || record_file_.empty()) return;
  const OwnRecord& record = contacts_->own_record();
  if (record.added() == record_written_) return;
  // Tried again with the next contact where it fails.
  (void)platform::ReplaceFile(record_file_, record.Written(), kRecordMode);
  record_written_ = record.added();
}

void Upkeep::End() {
  if (health_ == nullptr) return;
  health_->End(clock_.SinceBoot(),
               !out_of_use_.empty() || platform::MachineGoesDown());
}

std::string Upkeep::selftest() const {
  return health_ != nullptr ? health_->selftest() : "";
}

void Upkeep::Describe(v1::Heartbeat* beat) const {
  if (health_ == nullptr) return;
  beat->set_binary_hash(health_->binary_hash());
  for (const v1::BrowserState& state : health_->browsers()) {
    *beat->add_browsers() = state;
  }
}

}  // namespace schoolgate::agent
