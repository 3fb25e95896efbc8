#include "agent/run/upkeep.h"

#include <unistd.h>

#include <cstdlib>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/whole_file.h"

namespace schoolgate::agent {
namespace {

constexpr size_t kMostRecordBytes = 64 << 20;
constexpr mode_t kRecordMode = 0600;

// In the memory of the machine, not on its disk, and only where the service
// manager has made a folder for it.
std::string RecordFile() {
  const char* folder = std::getenv("RUNTIME_DIRECTORY");
  return folder == nullptr ? "" : absl::StrCat(folder, "/record");
}

}  // namespace

Upkeep::Upkeep(const AgentConfig& config, std::string boot_id,
               Attribution& attribution, Verdicts& verdicts, Watch& watch,
               Answers& answers, const platform::Clock& clock)
    : attribution_(attribution),
      verdicts_(verdicts),
      watch_(watch),
      clock_(clock),
      consents_(config.state_directory + "/notices.json"),
      record_file_(RecordFile()) {
  answers.SetConsents(&consents_);
  if (!config.capture_file.empty()) return;
  health_ = MakeHealth(config, std::move(boot_id));
  answers.SetEnd([this](const std::string& why) {
    if (!why.empty()) Tell({why, "by root on the device"});
    out_of_use_ = "this device was taken out of use";
  });
}

std::unique_ptr<Health> Upkeep::MakeHealth(const AgentConfig& config,
                                           std::string boot_id) {
  SelfTestWorld world;
  world.blocks = [this](const std::string& host) {
    Observation asked;
    asked.uid = getuid();
    asked.time_us = absl::ToUnixMicros(clock_.Now());
    const Who who = attribution_.WhoAsked(asked);
    return verdicts_.For(host, who, asked.time_us).action ==
           rules::Action::kBlock;
  };
  world.saw = [this](const std::string& host) {
    return watch_.SawExpected(host);
  };
  world.expect = [this](std::set<std::string> names) {
    watch_.ExpectTests(std::move(names));
  };
  return std::make_unique<Health>(
      HealthOptions{.state_directory = config.state_directory,
                    .boot_id = std::move(boot_id),
                    .place = config.place == rules::Place::kOffsite
                                 ? v1::PLACE_OFFSITE
                                 : v1::PLACE_ONSITE},
      std::move(world));
}

void Upkeep::OnEnrolled(EventSink& sink, ContactLog& contacts) {
  contacts_ = &contacts;
  if (health_ != nullptr) health_->SetSink(&sink);
  if (record_file_.empty()) return;
  const auto kept = platform::ReadWholeFile(record_file_, kMostRecordBytes);
  if (!kept.ok()) return;
  contacts.own_record().TakeUp(*kept);
  record_written_ = contacts.own_record().added();
}

void Upkeep::Tick(bool enforcing, const std::string& bundle) {
  if (health_ == nullptr) return;
  health_->Tick(clock_.Now(), clock_.SinceBoot(), enforcing, bundle);
  KeepRecord();
}

void Upkeep::KeepRecord() {
  if (contacts_ == nullptr || record_file_.empty()) return;
  const OwnRecord& record = contacts_->own_record();
  if (record.added() == record_written_) return;
  // Tried again with the next contact where it fails.
  (void)platform::ReplaceFile(record_file_, record.Written(), kRecordMode);
  record_written_ = record.added();
}

void Upkeep::Tell(const Touched& touched) {
  if (health_ != nullptr) health_->Tell(touched, clock_.Now());
}

void Upkeep::End() {
  if (health_ == nullptr) return;
  health_->End(clock_.Now(), clock_.SinceBoot(),
               !out_of_use_.empty() || MachineGoesDown());
}

void Upkeep::Describe(v1::Heartbeat* beat) const {
  if (health_ == nullptr) return;
  beat->set_binary_hash(health_->binary_hash());
  // Of the two tests that the agent makes, what failed is said.
  const bool failed =
      !health_->selftest().empty() && health_->selftest() != "pass";
  if (failed || beat->selftest().empty()) {
    beat->set_selftest(health_->selftest());
  }
}

}  // namespace schoolgate::agent
